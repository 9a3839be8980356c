#!/usr/bin/env bash
# The suites under ThreadSanitizer and AddressSanitizer, on stable (RUSTC_BOOTSTRAP=1), with a prebuilt std. Takes some
# minutes for each, and as many to build. Exits with 0 if nothing was reported but what is known to be no fault of ours.
# `--quick` runs three suites under both, and asks for no leaks: seconds, and a build for each. Needs nothing but cargo.
#
# Left out, with the tests by name that stand below:
# - the rules, which run almost none of our code, and the registry of the semantics;
# - of the promises the tests with limits of time and memory (p6, p7, p9 to p11), of the faults the
#   tests that fill the machine or hide /proc;
# - under ThreadSanitizer all of the faults, because they exchange the panic hook, whose lock is inside
#   std, and take the descriptors that its symbolizer needs;
# - under ThreadSanitizer each test with `signal` in its path: the sanitizer holds a signal back until
#   its thread makes a call that the sanitizer knows. A thread that sleeps in a raw system call makes
#   none, so the test hangs each time. `--quick` leaves out the tests of `signal_of_a_run`, which are the ones that send a signal.
#
# What it cannot see: races inside a destructor that Arc::drop runs, or with the end of its memory (suppressed: their fences are in
# std); and locks inside std.
set -euo pipefail
cd "$(dirname "$0")/.."

host=$(rustc -vV | sed -n 's/^host: //p')
suites='binary(conformance) or (binary(blocking) and test(/^condvar::/))'
suites+=' or (binary(semantics) and test(/^(exit|stop|failure|tree|wait|report|reuse)::/))'
suites+=' or (binary(promises) and (test(/(^|::)p[1-58]_/) or test(/^exits::/)))'
suites+=' or (binary(faults) and test(/^(drops|passed|subscribers|files)::/))'
# Named, so that what is left out need not be built.
tests=()
for test in blocking conformance faults promises semantics; do
    tests+=(--test "$test")
done

# Tests by binary and the end of their path, as a filter of nextest's; what follows a `#` is the reason.
named() {
    local suite name filter='none()'
    while read -r suite name _; do
        case $suite in '' | '#'*) continue ;; esac
        filter+=" or (binary($suite) and test(/(^|::)$name\$/))"
    done
    printf '(%s)' "$filter"
}

# Run, but not asked what they leak: they leak on purpose, which is what they are about.
leak=$(named <<'END'
# They forget handles, groups and guards. What stays is the forgotten value and what it holds: a record, a callback.
conformance graceful::a_subsystem_that_is_destroyed_takes_all_below_along
conformance ractor::the_end_of_a_very_deep_tree_needs_no_deep_stack
conformance tokio_token::a_grandchild_is_stopped_though_the_one_between_was_forgotten
conformance trio_threads::the_context_of_a_job_is_not_the_next_ones
promises x1_body_panics_with_a_borrowing_worker_per_kind
promises x5_everything_that_can_be_forgotten_is_forgotten
faults passed::a_panic_in_a_subscope_or_between_groups_brings_home_what_is_in_them
semantics f1_the_stop_waits_for_no_code_of_the_programs
semantics wf2_the_chain_goes_into_what_held_a_worker
semantics a16_a_panic_in_a_callback_of_an_end_is_a_failure_of_the_scope
semantics w2_a_join_at_the_end_of_a_thread_is_one_of_its_own
semantics w2_a_group_is_closed_by_what_is_called_at_the_end_of_its_thread
faults subscribers::a_subscriber_may_panic_and_no_result_is_lost
promises x1_a_subscriber_that_panics_does_not_skip_the_wait
faults subscribers::a_subscriber_may_panic_at_any_call_under_a_scope
faults subscribers::a_subscriber_may_panic_at_any_call_under_run
faults subscribers::a_subscriber_may_panic_when_a_spawn_is_refused_by_the_stop
faults subscribers::a_subscriber_may_panic_when_a_spawn_is_refused_by_the_system
promises p2_five_hundred_roots_wait_for_thread_local_destructors
promises p3_an_adoption_does_not_outlast_the_scope_that_its_own_thread_runs
promises p3_an_adoption_in_a_last_destructor_holds_no_scope
promises p3_forgotten_adoption
promises p3_forgotten_callback_guard
promises p3_forgotten_group
promises p3_forgotten_handle
promises p4_isolated_reaches_its_joiner_or_else_the_scope
semantics p4_a_failure_that_nobody_joins_after_its_group_is_its_scopes
semantics e1_deferred_functions_of_nested_groups_run_before_those_of_their_parents
semantics e1_services_and_groups_stop_last_made_first_each_joined_before_the_next
semantics e1_the_end_of_deep_groups_needs_no_deep_stack
semantics e1_the_end_of_deep_groups_takes_time_by_their_number
semantics e5_a_callback_is_dropped_before_its_thread_counts_as_finished
semantics a_scopes_error_holds_its_report
semantics r1_a_later_call_returns_the_stored_report
semantics r1_returns_as_soon_as_the_last_is_home
semantics the_exit_holds_the_report_of_a_stop_and_of_a_normal_end
semantics s1_an_ended_threads_node_is_closed_and_its_callbacks_are_dropped_unrun
semantics w2_a_callback_does_not_wait_for_the_thread_that_it_belongs_to
semantics w2_a_cycle_through_a_callback_is_found_from_both_ends
# Payloads that panic when they are dropped. What such a drop raises is forgotten, by `contain::discard` and by the tests: to drop
# it could raise another, without end.
promises x2_payloads_that_panic_when_dropped
faults drops::e4_the_value_of_a_body_is_dropped_when_its_scope_failed
faults drops::e4_under_run_the_same_faults_leave_nothing_behind
faults drops::e4_whatever_panics_later_the_scope_returns_and_lists_it
promises p1_payload_whose_drop_panics
semantics e4_what_panics_while_it_is_dropped_is_a_failure_and_ends_no_wait
# A capture that panics when it is dropped: what the closure was about to return is lost then, in any Rust (rust-lang/rust#47949).
conformance tokio_runtime::a_capture_whose_drop_panics_after_a_stop_is_a_failure_of_its_thread
END
)
# A bound on resident memory, of which the sanitizers need some of their own, and keep for a while what was freed; and one on time.
bounded=$(named <<'END'
blocking p6_a_thousand_waiters_end_on_one_stop
conformance async_shutdown::waits_and_callbacks_that_are_over_leave_nothing_behind
END
)
not_thread=$(named <<'END'
# They use what waits inside std, which is not built with the sanitizer: a contended std::sync::Mutex, the end of std::thread::scope.
conformance shuttle::a_thread_locals_destructor_may_take_a_lock_that_others_hold
conformance tokio_runtime::captures_may_take_a_lock_as_they_are_dropped
semantics a_scope_opened_from_elsewhere_hangs_below_its_scope_and_stops_with_the_caller_too
# They step through a thread by the trap flag and hold it in a signal's handler: the sanitizer has handlers run when it likes.
blocking a_mutex_that_is_held_for_long_holds_up_nobody_else
blocking p5_no_stop_is_missed_between_the_look_and_the_wait
blocking p5_no_stop_is_missed_under_a_registry
# Counts child processes: the sanitizer's symbolizer is one.
conformance no_zombie_process
# Has the system refuse new threads and processes, the symbolizer among them, so that no suppression finds its name.
semantics a12_a_refusal_reaches_the_spawner_that_the_maker_asked_for
END
)
not_address=$(named <<'END'
# They stop a thread after each instruction of a wait, of which there are many times as many, and do so for minutes.
blocking p5_no_stop_is_missed_between_the_look_and_the_wait
blocking p5_no_stop_is_missed_under_a_registry
END
)
# Of homebound-stacks.
not_thread_stacks=$(named <<'END'
# A thread in `vfork`, or in a `clone` that shares its memory: the sanitizer makes a fork of the first, and a second thread with the
# state of the first one of the other.
asleep a_thread_in_each_sort_of_sleep_has_its_whole_stack
no_allocation a_capture_allocates_nothing
refused a_thread_gets_no_second_signal_while_one_is_pending
# The sanitizer keeps one of several signals of the same number until it runs the handler, and queues none: all but one session
# wait for an answer that never comes.
by_signal an_answer_that_comes_too_late_is_nobodys
by_signal sessions_of_many_threads_do_not_disturb_each_other
# A thread gets a signal in a raw system call, or on its way to its end.
by_signal threads_that_end_meanwhile_have_a_stack_or_are_gone
refused a_process_that_is_not_dumpable_has_stacks_by_signals_alone
END
)
export RUSTC_BOOTSTRAP=1 CARGO_PROFILE_DEV_DEBUG=line-tables-only
target=${CARGO_TARGET_DIR:-target}
failed=0
thread_flags='-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer'
address_flags=-Zsanitizer=address

under() {
    local name=$1 flags=$2 filter=$3
    printf '\n== %s\n' "$name"
    RUSTFLAGS="$flags" CARGO_TARGET_DIR="$target/$name" \
        cargo nextest run --no-fail-fast --target "$host" "${tests[@]}" -E "($suites) and ($filter)" || failed=1
}

thread() {
    export TSAN_OPTIONS="suppressions=$PWD/ci/tsan.supp"
    under thread "$thread_flags" "not (test(signal) or binary(faults) or $bounded or $not_thread)"
    # Ten minutes at most.
    printf '\n== thread, homebound-stacks\n'
    RUSTFLAGS="$thread_flags" CARGO_TARGET_DIR="$target/thread" timeout 600 \
        cargo nextest run --no-fail-fast --package homebound-stacks --target "$host" -E "not $not_thread_stacks" || failed=1
}

# Without homebound-stacks: the functions of the sanitizer that stand between a test and the kernel have no unwind tables, so stacks
# are guessed from there on.
address() {
    ASAN_OPTIONS=detect_leaks=1 under address "$address_flags" "not ($leak or $bounded or $not_address)"
    ASAN_OPTIONS=detect_leaks=0 under address "$address_flags" "$leak"
}

# One process for all tests of a suite, as `cargo test` has it. Without the capture of what tests print: that is shared by threads
# inside std, of which ThreadSanitizer sees half.
quick() {
    local name=$1 flags=$2 log
    shift 2
    log=$(mktemp)
    printf '\n== %s, quick\n' "$name"
    if RUSTFLAGS="$flags" CARGO_TARGET_DIR="$target/$name" RUST_BACKTRACE=0 cargo test --target "$host" --no-fail-fast \
        --test promises --test semantics -- exits:: reuse:: stop:: --nocapture "$@" >"$log" 2>&1; then
        grep '^test result' "$log"
    else
        failed=1
        grep -E '^(error|SUMMARY|test result|test .*FAILED)|ERROR: |WARNING: .*Sanitizer' "$log" || true
        tail -n 100 "$log"
    fi
    rm -f "$log"
}

case "${1:-all}" in
    --quick)
        ASAN_OPTIONS=detect_leaks=0 quick address "$address_flags"
        TSAN_OPTIONS="suppressions=$PWD/ci/tsan.supp" quick thread "$thread_flags" --skip signal_of_a_run --skip a12_a_refusal_reaches_the_spawner
        [ "$failed" = 0 ] || echo "ci/sanitizers.sh: a test failed, or a sanitizer reported something: see above" >&2
        ;;
    thread | address) "$1" ;;
    all) thread && address ;;
    *) echo "usage: ci/sanitizers.sh [thread|address|--quick]" >&2; exit 2 ;;
esac
exit "$failed"

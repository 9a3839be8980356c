#!/usr/bin/env bash
# Runs the models of homebound-models, which must pass: in loom, every order of steps within a bound; in shuttle, orders by chance and
# by PCT. Then plants each bug listed below and runs a model that must find it. Prints a table; exits with 0 if all is so.
#
#   ci/models.sh [part of a model's name]
#   ci/models.sh --quick        what takes seconds each, in loom alone; one planted bug of each part
#
# LOOM_MAX_PREEMPTIONS, LOOM_MAX_DURATION (seconds) and HOMEBOUND_MODEL_RUNS change how much is tried.
set -uo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
checkers='loom shuttle'
# What of the models' names is asked for, and which planted bugs, as patterns.
wanted=${1:-}
bugs=.
if [ "$wanted" = --quick ]; then
    # The last ones out against the exit of a scope are left to the full run: minutes. What is here tries all orders with fewer
    # threads that are made to wait, so that it is over in seconds.
    checkers=loom
    wanted='(latch_ends|latch_wakes|packet_|stop|close_|shield_|deadline_|books_|cache_launch_|exit_against_stop)'
    bugs='latch-without-fence|packet-drops-under-lock|listener-looks-before-lock +stop_against_attach|books-without-fence|cache-welcomes-while-closing +cache_launch_'
    export LOOM_MAX_PREEMPTIONS=${LOOM_MAX_PREEMPTIONS:-2}
fi
export SHUTTLE_SILENCE_WARNINGS=1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
wrong=0

# The bugs, each with a model that finds it. Where one is planted, the source says `planted("its name")`.
planted='
loom    flags-sleep-uncounted             flags_wake_all
loom    changes-sleep-unlooked            changes_are_not_missed
loom    changes-note-in-no-order          changes_are_not_missed
loom    latch-set-without-note            latch_wakes_all
loom    latch-looks-before-it-sees        latch_lets_one_give_up
loom    latch-without-fence               latch_ends_its_signal
loom    packet-delivers-into-closed-slot  packet_run_against_disown
loom    packet-drops-under-lock           packet_run_against_disown
loom    packet-delivers-into-closed-slot  packet_run_against_take
loom    packet-keeps-what-is-cleared      packet_run_against_clear_and_disown
loom    cache-welcomes-while-closing      cache_hands_over
loom    cache-leaves-in-silence           cache_hands_over
loom    cache-closes-at-once              cache_hands_over
loom    seat-gives-in-silence             cache_hands_over
loom    idle-gives-twice                  cache_launches_race
loom    cache-welcomes-while-closing      cache_launch_against_drain
loom    cache-late-time-out-retires       cache_late_time_out
loom    listener-looks-before-lock        stop_against_attach
loom    stop-says-swept-at-once           stops_race
loom    stop-hands-down-anothers          stops_of_two_nodes
loom    close-says-swept-at-once          stop_races_with_close
loom    stop-rings-nobody                 stop_wakes_who_rests
loom    stop-flag-before-reason           stop_wakes_who_rests
loom    listener-looks-before-lock        stop_against_signal
loom    callback-is-not-waited-for        stop_against_close
loom    listener-looks-before-lock        close_against_attach
loom    listener-arms-before-it-is-there  shield_end_reaches_a_signal
loom    listener-arms-before-it-is-there  shield_end_reaches_a_callback
loom    listener-arms-before-it-is-there  shield_end_reaches_what_is_below
loom    stop-rings-nobody                 shield_end_reaches_who_rests
loom    limit-arms-the-later              deadline_moves_earlier_while_it_is_armed
loom    bell-is-rung-once                 stop_against_wait
loom    bell-opens-late                   stop_against_wait
loom    bell-is-left-at-once              stop_under_the_mutex
loom    books-unlock-without-look         books_leave_no_note_behind
loom    books-hand-in-without-look        books_leave_no_note_behind
loom    books-without-fence               books_leave_no_note_behind
loom    books-tell-nobody                 exit_against_last_one_out
loom    books-enter-for-nobody            exit_against_last_one_out
loom    exit-forgets-workers              exit_against_last_one_out
loom    listener-looks-before-lock        exit_against_stop_and_admission
shuttle counted-out-at-once               scope_spawn_stop_wait
shuttle latch-set-without-note            scope_join_by_handle
shuttle exit-forgets-workers              scope_stops_services_after_workers
shuttle stop-rings-nobody                 scope_stopped_from_outside
shuttle books-tell-nobody                 group_closed_while_a_worker_ends
shuttle done-before-the-outcome           panic_reaches_joiner_and_scope
shuttle listener-looks-before-lock        spawn_against_stop
shuttle settle-leaves-results             forgotten_handle_changes_nothing
shuttle join-releases-before-it-takes     join_against_close
shuttle settle-takes-no-turn              one_settles_what_two_close
'

# Each checker has a build of its own, since it changes what the whole crate is made of. As a library that is linked, with rustc told
# to make a program of its tests: `cargo test` would build all that the suites need first, optimised.
build() {
    RUSTFLAGS="--cfg homebound_$1" cargo rustc --manifest-path homebound-models/Cargo.toml --profile models --lib \
        --crate-type cdylib --target-dir "$target/$1" -- --test >"$log" 2>&1 && echo "$target/$1/models/deps/homebound"
}

run() { timeout "${LIMIT:-900}" "$1" --exact "$2" --nocapture >"$log" 2>&1; }

declare -A binary
tried=0
printf '%-8s %-36s %10s %8s  %s\n' checker model orders seconds which
for checker in $checkers; do
    binary[$checker]=$(build $checker)
    [ -x "${binary[$checker]}" ] || { cat "$log"; echo "ci/models.sh: the models do not build in $checker" >&2; exit 1; }
    for test in $("${binary[$checker]}" --list 2>/dev/null | sed -n 's/: test$//p' | grep -E "^models::.*$wanted"); do
        if run "${binary[$checker]}" "$test"; then
            tried=$((tried + 1))
            read -r _ name orders seconds which < <(grep '^model ' "$log")
            printf '%-8s %-36s %10s %8s  %s\n' "$checker" "$name" "$orders" "$seconds" "$which"
        else
            printf '%-8s %-36s FAILED\n' "$checker" "${test##*::}"
            tail -n 40 "$log"
            wrong=1
        fi
    done
done

[ "$tried" != 0 ] || [ "$wrong" = 1 ] || { echo "ci/models.sh: no model has '$wanted' in its name" >&2; exit 2; }

printf '\n%-8s %-34s %-36s %8s\n' checker 'planted bug' 'found by' seconds
while read -r checker bug model; do
    [[ $model =~ $wanted && $checkers == *$checker* ]] || continue
    test=$("${binary[$checker]}" --list 2>/dev/null | sed -n "s/^\(models::.*::$model\): test$/\1/p")
    [ -n "$test" ] || { echo "no model $model"; wrong=1; continue; }
    start=$(date +%s%N)
    # The shell tells of each that aborts, as shuttle does when it finds a deadlock.
    if HOMEBOUND_PLANTED=$bug run "${binary[$checker]}" "$test" 2>/dev/null; then
        printf '%-8s %-34s NOT FOUND by %s\n' "$checker" "$bug" "$model"
        wrong=1
    else
        spent=$((($(date +%s%N) - start) / 10000000))
        printf '%-8s %-34s %-36s %5d.%02d\n' "$checker" "$bug" "$model" $((spent / 100)) $((spent % 100))
    fi
done < <(grep . <<<"$planted" | grep -E -- "$bugs")
exit $wrong

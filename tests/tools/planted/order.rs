//! A wrong sum, reason, exit code or order of services is found, and a stop that is not seen.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{busy, error, is_gone, place, rejected, remove, right, thread, tree, under_run, visited, wait};
use crate::common::thread_time;
use homebound::{Context, StopReason};
use homebound_testing::{Act, End, Errors, Event, Property, Step, Stop, Tree, What};

/// A worker that waits until the body, which has joined another, stops the scope.
fn stopped() -> Tree {
    tree(vec![
        thread(1, false, vec![wait(2)], End::Stopped),
        thread(3, false, vec![], End::Value),
        Step { id: 4, act: Act::Join(3, Errors::Ignore) },
        Step { id: 5, act: Act::Stop(0) },
        Step { id: 6, act: Act::Look },
    ])
}

#[test]
fn d_a_sum_that_is_off_by_one() {
    let mut observed = right(&busy());
    error(&mut observed).sum.joined += 1;
    rejected(&observed, Property::Sum, "3 total is not 4 + 0 + 0");
}

#[test]
fn d_rows_that_do_not_tell_what_happened() {
    let mut observed = right(&busy());
    for row in error(&mut observed).sum.rows.iter_mut().filter(|row| row.0 == 5) {
        row.1 = homebound::Ending::Finished;
    }
    rejected(&observed, Property::Sum, "t5 did not end as Finished");
    let rows = &mut error(&mut observed).sum.rows;
    rows.iter_mut().for_each(|row| row.0 = 5);
    rejected(&observed, Property::Sum, "t5 has two rows");
}

#[test]
fn d_an_exit_code_that_does_not_tell_what_happened() {
    // catches: an oracle that does not look at what only a registry has
    let mut observed = right(&under_run(busy()));
    let at = place(&observed, 0, |what| matches!(what, What::Exited { code: 1, .. }));
    let What::Exited { code, .. } = &mut observed.events[at].what else { return };
    *code = 0;
    rejected(&observed, Property::Sum, "its exit code is 0, and should be 1");
    let What::Exited { sum, .. } = &mut observed.events[at].what else { return };
    sum.timeout += 1;
    rejected(&observed, Property::Sum, "its exit code is 0, and should be 70");
    rejected(&observed, Property::Sum, "3 total is not 3 + 1 + 0");
}

#[test]
fn f_a_service_that_was_told_while_an_adopted_thread_was_there() {
    // catches: an oracle that does not know that an adopted thread may use the services
    let mut observed = right(&visited());
    let told = place(&observed, 1, |what| matches!(what, What::Looked { reason: Some(_), .. }));
    let gone = remove(&mut observed, 3, is_gone);
    observed.events.insert(told, gone);
    rejected(&observed, Property::Order, "service 1 was told before its user t3 was home");
}

#[test]
fn e_a_reason_that_nobody_gave() {
    let mut observed = right(&busy());
    error(&mut observed).sum.reason = Some(StopReason::Signal(2));
    rejected(&observed, Property::Reason, "Signal(2), which nobody had given");
}

#[test]
fn e_a_reason_that_was_not_the_first() {
    let mut observed = right(&stopped());
    // Another stop, which begins and ends after the stop that counts, and before the look.
    let at = place(&observed, 5, |what| matches!(what, What::Stopped { .. })) + 1;
    let now = observed.events[at].at;
    let late = [What::Stopping { target: 0, how: Stop::Because }, What::Stopped { target: 0 }];
    for (n, what) in late.into_iter().enumerate() {
        observed.events.insert(at + n, Event { node: 6, at: now, what });
    }
    assert!(observed.check().is_ok(), "it came too late to matter");
    for event in &mut observed.events[at + 2..] {
        if let What::Looked { reason: Some(reason), .. } = &mut event.what {
            *reason = StopReason::Custom("step 6".into());
        }
    }
    rejected(&observed, Property::Reason, "which was not the first");
}

#[test]
fn f_a_service_that_was_told_before_its_user_was_home() {
    let mut observed = right(&busy());
    let told = place(&observed, 3, |what| matches!(what, What::Looked { reason: Some(_), .. }));
    let gone = remove(&mut observed, 5, is_gone);
    observed.events.insert(told, gone);
    rejected(&observed, Property::Order, "service 3 was told before its user t5 was home");
}

#[test]
fn f_a_service_that_was_told_before_a_later_one_was_home() {
    let mut observed = right(&busy());
    let gone = remove(&mut observed, 3, is_gone);
    let at = place(&observed, 1, is_gone);
    observed.events.insert(at, gone);
    rejected(&observed, Property::Order, "service 1 was told before t3, of the later 3, was home");
}

#[test]
fn g_a_look_that_did_not_see_the_stop() {
    let mut observed = right(&stopped());
    for event in observed.events.iter_mut().filter(|event| event.node == 0) {
        if let What::Looked { reason, .. } = &mut event.what {
            *reason = None;
        }
    }
    rejected(&observed, Property::Seen, "step 0 looked after its stop, and did not see it");
}

#[test]
fn g_a_wait_that_the_stop_did_not_end() {
    let mut observed = right(&stopped());
    let woken = place(&observed, 1, |what| matches!(what, What::Woken { .. }));
    observed.events[woken].what = What::Woken { timed_out: true };
    observed.events[woken].at += std::time::Duration::from_secs(2);
    rejected(&observed, Property::Seen, "the wait of step 1 was not ended by its stop");
}

#[test]
fn code_of_a_user_runs_inside() {
    let tree = tree(vec![thread(1, false, vec![Step { id: 2, act: Act::Call }], End::Value)]);
    let (tell, told) = std::sync::mpsc::channel();
    let observed = tree.run_with(move |cx: &Context| Ok(tell.send(cx.name().to_owned())?));
    assert!(observed.check().is_ok());
    assert_eq!(told.recv().expect("it ran"), "t1");
    let panics = tree.run_with(|_| if true { panic!("17 bottles") } else { Ok(()) });
    assert!(panics.check().is_ok(), "its failure is listed once, too");
    let fails = tree.run_with(|_| Err("no bottles".into()));
    assert!(fails.check().is_ok());
}

#[cfg(target_os = "linux")]
#[test]
fn code_of_a_user_that_gets_no_processor_does_not_stand_still() {
    // catches: a watcher that takes a time without events for a standstill, and stops the tree
    use rustix::process::setpriority_process;
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    static OVER: AtomicBool = AtomicBool::new(false);
    let allowed = sched_getaffinity(None).expect("the cores of this process");
    let core = (0..1024).find(|core| allowed.is_set(*core)).expect("at least one");
    let share_a_core = move || {
        let mut one = CpuSet::new();
        one.set(core);
        sched_setaffinity(None, &one).expect("it is allowed");
    };
    let spins = move || {
        share_a_core();
        while !OVER.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
    };
    let spinners = [std::thread::spawn(spins), std::thread::spawn(spins)];
    let tree = tree(vec![thread(1, false, vec![Step { id: 2, act: Act::Call }], End::Value)]);
    let observed = tree.run_with(move |_| {
        share_a_core();
        // Of this thread: it gets a hundredth of the core.
        setpriority_process(None, 19)?;
        let begun = thread_time();
        while thread_time() - begun < Duration::from_millis(3) {
            std::hint::spin_loop();
        }
        Ok(())
    });
    OVER.store(true, Ordering::Relaxed);
    spinners.into_iter().for_each(|spinner| spinner.join().expect("it is over"));
    let is_stop = |event: &Event| matches!(event.what, What::Stopping { .. });
    assert!(!observed.events.iter().any(is_stop), "{observed:#?}");
}

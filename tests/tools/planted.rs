//! Wrong observations, made by hand of right ones: each property finds its own.

use homebound::{Context, StopReason};
use homebound_testing::{
    Act, Block, End, Errors, Event, Gave, How, Id, KernelThread, Nested, Observed, Property, Returned, Root,
    Step, Stop, Thread, Tree, Via, Wait, What,
};

fn thread(id: Id, service: bool, steps: Vec<Step>, end: End) -> Step {
    let block = Block { steps, end };
    let via = Via::InScope(0);
    Step {
        id,
        act: Act::Spawn(Thread {
            via,
            service,
            isolated: false,
            vital: false,
            dedicated: false,
            refused: false,
            block,
        }),
    }
}

fn wait(id: Id) -> Step {
    Step { id, act: Act::Wait(Wait::Sleep) }
}

fn tree(steps: Vec<Step>) -> Tree {
    Tree { root: Root::Scope, body: Block { steps, end: End::Value } }
}

/// A service, a later one, and a worker that fails.
fn busy() -> Tree {
    tree(vec![
        thread(1, true, vec![wait(2)], End::Value),
        thread(3, true, vec![wait(4)], End::Value),
        thread(5, false, vec![], End::Error),
    ])
}

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

fn right(tree: &Tree) -> Observed {
    let observed = tree.run();
    if let Err(wrong) = observed.check() {
        panic!("{wrong}");
    }
    observed
}

#[track_caller]
fn rejected(observed: &Observed, property: Property, message: &str) {
    let wrong = observed.check().expect_err("it is wrong");
    let found = wrong.all.iter().any(|w| w.property == property && w.to_string().contains(message));
    assert!(found, "{property:?} {message:?} is not in\n{wrong}");
}

fn place(observed: &Observed, node: Id, is: impl Fn(&What) -> bool) -> usize {
    let found = observed.events.iter().position(|event| event.node == node && is(&event.what));
    found.expect("it happened")
}

fn remove(observed: &mut Observed, node: Id, is: impl Fn(&What) -> bool) -> Event {
    let at = place(observed, node, is);
    observed.events.remove(at)
}

/// The error of the root.
fn error(observed: &mut Observed) -> &mut homebound_testing::Failed {
    let at = place(observed, 0, |what| matches!(what, What::Returned(_)));
    match &mut observed.events[at].what {
        What::Returned(Returned::Error(failed)) => failed,
        other => panic!("the root returned {other:?}"),
    }
}

fn is_gone(what: &What) -> bool {
    matches!(what, What::Gone)
}

#[test]
fn a_a_thread_that_outlives_its_scope() {
    let mut observed = right(&busy());
    let gone = remove(&mut observed, 1, is_gone);
    rejected(&observed, Property::Home, "t1 was still there when its scope 0 returned");
    observed.events.push(gone);
    rejected(&observed, Property::Home, "t1 was still there when its scope 0 returned");
}

#[test]
fn a_an_os_thread_that_outlives_the_root() {
    let mut observed = right(&busy());
    observed.alive.push(5);
    rejected(&observed, Property::Home, "the kernel still lists the OS thread of t5");
}

#[test]
fn a_the_kernel_is_asked() {
    let (tell, told) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        tell.send(KernelThread::current().expect("Linux")).expect("somebody listens");
        let _ = ended.recv();
    });
    let known = told.recv().expect("it tells");
    assert!(known.is_alive(), "it has not ended");
    drop(end);
    thread.join().expect("it ends");
    assert!(!known.is_alive(), "it was joined");
}

#[test]
fn a_a_thread_that_never_ran() {
    let mut observed = right(&busy());
    observed.events.retain(|event| event.node != 3 || matches!(event.what, What::Making | What::Made));
    rejected(&observed, Property::Home, "t3 was spawned, and never ran");
}

#[test]
fn b_a_loan_that_was_poisoned() {
    let mut observed = right(&busy());
    let at = place(&observed, 5, is_gone);
    let event = Event { what: What::Poisoned, ..observed.events[at].clone() };
    observed.events.insert(at, event);
    rejected(&observed, Property::Borrowed, "t5 saw what it borrowed poisoned");
}

#[test]
fn c_a_failure_that_is_listed_twice() {
    let mut observed = right(&busy());
    error(&mut observed).failures.push(5);
    rejected(&observed, Property::Listed, "step 5 is in the result of scope 0 2 times, not 1");
}

#[test]
fn c_a_failure_that_is_lost() {
    let mut observed = right(&busy());
    error(&mut observed).failures[0] = 1;
    rejected(&observed, Property::Listed, "the failure of step 5 is not in the result of scope 0");
    rejected(&observed, Property::Listed, "lists step 1, which did not fail there");
    let at = place(&observed, 0, |what| matches!(what, What::Returned(_)));
    observed.events[at].what = What::Returned(Returned::Value);
    rejected(&observed, Property::Listed, "returned Ok, but step 5 had failed");
}

#[test]
fn c_a_failure_of_an_inner_scope_that_is_not_in_what_carries_it() {
    let inner = Nested {
        via: Some(Via::InScope(0)),
        block: Block { steps: vec![], end: End::Error },
        errors: Errors::Pass,
    };
    let mut observed = right(&tree(vec![Step { id: 1, act: Act::Open(inner) }]));
    let passed = |what: &What| matches!(what, What::Fails(failing) if failing.how == How::Passed(vec![1]));
    place(&observed, 0, passed);
    error(&mut observed).failures.clear();
    rejected(&observed, Property::Listed, "the failure of step 0 is not in the result of scope 0");
}

/// The body joins a thread that ends in this way.
fn joined(end: End) -> Tree {
    let mut worker = thread(1, false, vec![], end);
    if let Act::Spawn(thread) = &mut worker.act {
        // Its failure stops nobody: what is asked for is the join alone.
        thread.isolated = true;
    }
    tree(vec![worker, Step { id: 2, act: Act::Join(1, Errors::Ignore) }])
}

#[test]
fn c_a_join_that_does_not_give_what_the_thread_returned() {
    // catches: an oracle that knows of failures only, while a handle has lost its value
    let ends = [
        (End::Value, Gave::Value),
        (End::ResultBomb, Gave::Value),
        (End::Error, Gave::Failure(1)),
        (End::CaptureBomb, Gave::Failure(1)),
    ];
    for (end, right_one) in ends {
        for wrong in [Gave::Value, Gave::Stopped, Gave::Failure(1), Gave::Failure(2)] {
            let mut observed = right(&joined(end));
            let at = place(
                &observed,
                0,
                |what| matches!(what, What::Joined { thread: 1, gave } if *gave == right_one),
            );
            if wrong != right_one {
                observed.events[at].what = What::Joined { thread: 1, gave: wrong };
                rejected(&observed, Property::Given, "the join of t1 gave");
            }
        }
    }
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

/// The same under `registry::run`.
fn under_run(tree: Tree) -> Tree {
    Tree { root: Root::Registry, ..tree }
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
fn a_refused_thread_whose_captures_stay() {
    // catches: an oracle that is content when a refused thread did not run
    let mut refused = thread(1, false, vec![], End::Value);
    if let Act::Spawn(thread) = &mut refused.act {
        thread.refused = true;
    }
    for tree in [tree(vec![refused.clone()]), under_run(tree(vec![refused]))] {
        let mut observed = right(&tree);
        place(&observed, 1, |what| matches!(what, What::Refused));
        let gone = remove(&mut observed, 1, is_gone);
        rejected(&observed, Property::Home, "t1 was refused, and its closure was not dropped at once");
        let after = place(&observed, 1, |what| matches!(what, What::Refused)) + 1;
        observed.events.insert(after, gone);
        rejected(&observed, Property::Home, "t1 was refused, and its closure was not dropped at once");
    }
}

/// A service, and a foreign thread that is adopted and waits.
fn visited() -> Tree {
    tree(vec![thread(1, true, vec![wait(2)], End::Value), Step { id: 3, act: Act::Adopt(vec![wait(4)]) }])
}

#[test]
fn a_an_adopted_thread_that_outlives_its_scope() {
    // catches: an oracle that lets a scope return before a thread that it has taken in has left
    let mut observed = right(&visited());
    let gone = remove(&mut observed, 3, is_gone);
    observed.events.push(gone);
    rejected(&observed, Property::Home, "t3 was still there when its scope 0 returned");
}

#[test]
fn f_a_service_that_was_told_while_an_adopted_thread_was_there() {
    // catches: an oracle that does not know that whoever is adopted may use the services
    let mut observed = right(&visited());
    let told = place(&observed, 1, |what| matches!(what, What::Looked { reason: Some(_), .. }));
    let gone = remove(&mut observed, 3, is_gone);
    observed.events.insert(told, gone);
    rejected(&observed, Property::Order, "service 1 was told before its user t3 was home");
}

#[test]
fn c_a_failure_of_an_adopted_thread_is_nobodys() {
    // catches: an oracle that wants what no closure of a scope returned in its result
    let failing = Nested { via: None, block: Block { steps: vec![], end: End::Error }, errors: Errors::Pass };
    let mut observed =
        right(&tree(vec![Step { id: 1, act: Act::Adopt(vec![Step { id: 2, act: Act::Open(failing) }]) }]));
    place(&observed, 1, |what| matches!(what, What::Fails(_)));
    let returned = place(&observed, 0, |what| matches!(what, What::Returned(Returned::Value)));
    let of_inner = place(&observed, 2, |what| matches!(what, What::Returned(Returned::Error(_))));
    let mut listed = observed.events[of_inner].what.clone();
    if let What::Returned(Returned::Error(failed)) = &mut listed {
        failed.failures = vec![1];
    }
    observed.events[returned].what = listed;
    rejected(&observed, Property::Listed, "lists step 1, which did not fail there");
}

#[test]
fn c_a_join_of_ones_own_thread_that_nobody_hears_of() {
    // catches: an oracle that takes a refused join for a good one
    let mut own = thread(1, false, vec![Step { id: 2, act: Act::JoinAround(1, Errors::Pass) }], End::Value);
    if let Act::Spawn(thread) = &mut own.act {
        thread.via = Via::Sibling(0);
    }
    let mut observed = right(&tree(vec![own]));
    place(&observed, 1, |what| matches!(what, What::Fails(failing) if failing.how == How::Passed(vec![])));
    assert_eq!(error(&mut observed).failures, [1], "the cycle is its failure");
    let at = place(&observed, 0, |what| matches!(what, What::Returned(_)));
    observed.events[at].what = What::Returned(Returned::Value);
    rejected(&observed, Property::Listed, "returned Ok, but step 1 had failed");
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
    // Another stop, all of which comes after the one that counts, and before the look.
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
fn a_run_that_hangs_names_who_is_away() {
    let mut observed = right(&busy());
    remove(&mut observed, 3, is_gone);
    observed.hung = true;
    rejected(&observed, Property::Ends, "it hangs; not home: t3");
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

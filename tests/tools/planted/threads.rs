//! A thread or a loan that outlives its scope is found.

use super::{busy, is_gone, place, rejected, remove, right, thread, tree, under_run, visited};
use homebound_testing::{Act, End, Event, KernelThread, Property, What};

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

#[test]
fn a_an_adopted_thread_that_outlives_its_scope() {
    // catches: an oracle that lets a scope return before a thread that it has taken in has left
    let mut observed = right(&visited());
    let gone = remove(&mut observed, 3, is_gone);
    observed.events.push(gone);
    rejected(&observed, Property::Home, "t3 was still there when its scope 0 returned");
}

#[test]
fn a_run_that_hangs_names_who_is_away() {
    let mut observed = right(&busy());
    remove(&mut observed, 3, is_gone);
    observed.hung = true;
    rejected(&observed, Property::Ends, "it hangs; not home: t3");
}

//! Owns the models of the threads that end and the thread that waits for them: each ending thread
//! is counted out, whichever thread holds the lock, and the end of the scope comes after the last
//! one.
//! Refuses to start threads for the scope, because the model's own threads stand for them.

use std::panic::Location;
use std::sync::Arc;

use loom::thread::{JoinHandle, spawn};

use super::explore;
use crate::outcome::status::snapshot::Role;
use crate::shutdown::order::{Driver, drive};
use crate::stop::node::{Link, Node};
use crate::tree::core::{Kind, ScopeCore};
use crate::tree::record::{Label, Record};
use crate::tree::result_state::Outcome;
use crate::tree::results;
use crate::tree::root::{GRACE, Root, open_root};
use crate::tree::state::{Entry, Phase};
use crate::tree::traits::Traits;

fn open() -> Arc<ScopeCore> {
    open_root(Root::new(GRACE, None), "scope".into(), Kind::Scope, Location::caller())
}

fn admit(core: &Arc<ScopeCore>) -> Arc<Record> {
    let label = Label { name: "worker".into(), purpose: "ends".into(), at: Location::caller() };
    let record = Record::new(label, Role::Worker, core, Node::new(Link::Inside), Traits::default());
    let admitted = core.admit(Entry { record: Arc::clone(&record), task: None });
    assert!(admitted.is_ok(), "the scope is open");
    record
}

/// Runs the last lines of a thread of the scope.
fn ending(record: Arc<Record>) -> JoinHandle<()> {
    spawn(move || {
        results::end(&record, Outcome::Finished);
        record.core.count_out(&record);
    })
}

/// Two threads end while a third one looks into the books. No note stays in the inbox.
#[test]
fn books_leave_no_note_behind() {
    explore("books_leave_no_note_behind", 2, || {
        let core = open();
        let workers = [(); 2].map(|()| admit(&core)).map(ending);
        drop(core.lock());
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        assert!(core.state_lock.is_quiet(), "no note is left in the inbox, though no thread looks again");
        assert_eq!(core.lock().workers, 0, "both are counted out");
    });
}

/// The exit path waits for the last thread. It is woken, and it does not return before.
#[test]
fn exit_against_last_one_out() {
    explore("exit_against_last_one_out", 2, || {
        let core = open();
        let workers = [(); 2].map(|()| admit(&core));
        let records = workers.clone();
        let workers = workers.map(ending);
        core.lock().body_home = true;
        core.wake_drivers();
        drive(&core, Driver::Exit);
        let state = core.lock();
        assert!(
            state.workers == 0 && state.phase == Phase::Finishing,
            "no thread is out there, and none comes"
        );
        drop(state);
        assert!(records.iter().all(|record| record.has_ended()), "a thread that is counted out has ended");
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
}

/// A thread is admitted, and ends, while the scope is stopped from outside.
#[test]
fn exit_against_stop_and_admission() {
    explore("exit_against_stop_and_admission", 2, || {
        let core = open();
        let other = Arc::clone(&core);
        let stopper = spawn(move || other.node.stop(crate::StopReason::Signal(2)));
        let label = Label { name: "late".into(), purpose: "ends".into(), at: Location::caller() };
        let late = Record::new(label, Role::Worker, &core, Node::new(Link::Inside), Traits::default());
        let admitted = core.admit(Entry { record: Arc::clone(&late), task: None }).is_ok();
        let second = admitted.then(|| ending(Arc::clone(&late)));
        core.lock().body_home = true;
        core.wake_drivers();
        drive(&core, Driver::Exit);
        assert_eq!(core.lock().workers, 0, "a refused thread is not waited for");
        stopper.join().unwrap();
        assert!(!admitted || late.node.is_marked(), "the stop has reached the admitted thread");
        second.into_iter().for_each(|second| second.join().unwrap());
    });
}

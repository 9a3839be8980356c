//! Owns what ractor's tests of its registry and its factory ask of names, lists and queues.
//! Refuses names that may be taken once only: here they may be equal.

use crossbeam_channel::unbounded;
use homebound::{Scope, SpawnError, ThreadState};

use crate::common::*;

#[test]
fn a_refused_thread_leaves_its_name_and_the_tree_as_they_were() {
    // from: actor_failing_in_spawn_err_doesnt_poison_registries; pins P11
    in_scope(|s| {
        for _ in 0..3 {
            let refused = s.thread("named", "asks for too much").stack_size(1 << 47).spawn(|_| Ok(()));
            assert!(matches!(refused, Err(SpawnError::Os(_))));
            assert!(
                s.active_threads().is_empty()
                    && !all_threads(&s.snapshot()).iter().any(|t| t.name == "named")
            );
        }
        Ok(s.spawn("named", "is started", |_| Ok(()))?.join()?)
    });
}

#[test]
fn the_list_of_the_living_follows_starts_and_ends() {
    // from: test_duplicate_registration, unenrollment, test_pid_lifecycle_monitoring,
    // wait_for_death; pins P8, E6
    in_scope(|s| {
        let names = |s: &Scope<'_, '_>| s.active_threads().into_iter().map(|t| t.name).collect::<Vec<_>>();
        let first = s.spawn("same", "waits", until_stopped)?;
        let second = s.spawn("same", "waits", until_stopped)?;
        let other = s.spawn("other", "waits", until_stopped)?;
        assert_eq!(names(s), ["same", "same", "other"]);
        for (gone, left) in [(first, vec!["same", "other"]), (other, vec!["same"]), (second, vec![])] {
            gone.stop();
            assert!(gone.done().recv().is_err());
            assert_eq!(names(s), left, "as soon as its end is told");
        }
        Ok(())
    });
}

#[test]
fn a_stuck_worker_shows_where_it_stands() {
    // from: test_stuck_workers; pins P8, W1
    in_scope(|s| {
        let (open, closed) = gate();
        let stuck =
            s.spawn("stuck", "waits for a lock", move |cx| Ok(cx.waiting("the big lock", || pass(&closed))))?;
        let mut state = ThreadState::Starting;
        eventually("it waits", || {
            state = s.active_threads()[0].state;
            matches!(state, ThreadState::Waiting { .. })
        });
        let ThreadState::Waiting { what, at } = state else { panic!("{state:?}") };
        assert!(what == "the big lock" && at.file().ends_with(file!()));
        let dump = s.dump_status();
        assert!(
            ["stuck", "waits for a lock", "the big lock"].iter().all(|part| dump.contains(part)),
            "{dump}"
        );
        drop(open);
        Ok(stuck.join()?)
    });
}

#[test]
fn what_was_asked_before_the_stop_is_answered_by_a_drain() {
    // from: test_request_draining; pins S7
    in_scope(|s| {
        let (to, queue) = unbounded();
        let (answer, answers) = unbounded();
        let drains = s.spawn("drains", "answers what it was asked", move |cx| {
            Ok(cx.drain(&queue).try_for_each(|n: usize| answer.send(n))?)
        })?;
        (0..1000).try_for_each(|n| to.send(n))?;
        s.stop();
        drains.join()?;
        Ok(assert!(answers.iter().eq(0..1000)))
    });
}

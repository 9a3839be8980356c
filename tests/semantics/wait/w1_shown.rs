//! W1: a waiting thread shows its kind of wait and the line of its caller.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::Duration;

use crate::common::*;
use crossbeam_channel::bounded;
use homebound::{Context, Scope, ThreadState, scope};

#[test]
fn waiting_gives_the_closures_value_and_marks_the_thread() {
    // catches: a mark that is missing, stays, or is lost when the closure panics
    in_scope(|s| {
        let (open, gate) = gate();
        let (back, returned) = bounded::<()>(0);
        let line = line!() + 3;
        let worker = s.spawn("worker", "waits for the printer", move |cx| {
            let value = panics(|| cx.waiting("nothing", || panic!("inside")));
            let got = cx.waiting("printer", || gate.recv().is_err());
            drop(value);
            back.send(())?;
            pass(&gate);
            Ok(got)
        })?;
        let state = waiting_at(s, "worker", "printer");
        assert_eq!(state.line(), line);
        drop(open);
        returned.recv()?;
        assert!(worker.join()?);
        Ok(())
    });
}

/// Waits until the named thread is seen waiting on `kind` and says where.
fn waiting_at(s: &Scope<'_, '_>, name: &str, kind: &str) -> &'static std::panic::Location<'static> {
    let mut seen = None;
    eventually(&format!("{name} waits on {kind}"), || {
        let threads = all_threads(&s.snapshot());
        let thread = threads.into_iter().find(|t| t.name == name);
        match thread.map(|t| t.state) {
            Some(ThreadState::Waiting { what, at }) if what == kind => seen = Some(at),
            _ => {}
        }
        seen.is_some()
    });
    seen.expect("just seen")
}

#[test]
fn w1_every_wait_shows_its_kind_and_a_line_of_the_caller() {
    // catches: a wait without a record, or with a line inside the library
    in_scope(|s| {
        for (i, (kind, wait)) in every_wait().into_iter().enumerate() {
            if kind == "select" {
                continue;
            }
            let name = format!("waiting-{i}");
            s.spawn(name.clone(), "waits", wait)?;
            let mut seen = None;
            eventually(&format!("{kind} is seen"), || {
                let threads = s.active_threads();
                seen = threads.into_iter().find(|t| t.name == name).map(|t| t.state);
                matches!(seen, Some(ThreadState::Waiting { .. }))
            });
            let Some(ThreadState::Waiting { what, at }) = seen else { unreachable!() };
            assert!(at.file().ends_with("common/waits.rs"), "{kind} shows {what} at {at}");
            assert!(!what.is_empty());
        }
        Ok(s.stop())
    });
}

#[test]
fn w1_a_mark_goes_away_and_the_one_around_it_comes_back() {
    // catches: a thread that seems to wait for ever after its first wait
    in_scope(|s| {
        let ((open, gate), (inner_open, inner_gate), (last_open, last_gate)) =
            (gate(), crate::common::gate(), crate::common::gate());
        let (tell, told) = bounded::<()>(0);
        s.spawn("worker", "waits in a wait", move |cx| {
            cx.waiting("outer", || {
                cx.waiting("inner", || pass(&inner_gate));
                pass(&gate);
            });
            cx.sleep(Duration::from_millis(1))?;
            let _ = cx.recv_timeout(&gate, Duration::from_millis(1));
            tell.send(())?;
            Ok(pass(&last_gate))
        })?;
        waiting_at(s, "worker", "inner");
        drop(inner_open);
        waiting_at(s, "worker", "outer");
        drop(open);
        told.recv()?;
        assert_eq!(s.active_threads()[0].state, ThreadState::Running);
        assert!(!s.dump_status().contains("outer"));
        drop(last_open);
        Ok(())
    });
}

#[test]
fn w1_a_join_and_the_end_of_a_scope_are_waits_too() {
    // catches: a body that seems to run while it waits for its threads
    in_scope(|s| {
        let (open, gate) = gate();
        let (end_open, end_gate) = crate::common::gate();
        let deaf = s.spawn("deaf", "is joined", move |_| Ok(pass(&gate)))?;
        let line = line!() + 1;
        s.spawn("joiner", "joins", move |_| Ok(deaf.join()?))?;
        s.spawn("opener", "has a scope below", move |_| {
            Ok(scope(|below| Ok(drop(below.spawn("below", "is deaf", move |_| Ok(pass(&end_gate)))?)))?)
        })?;
        let seen = |name: &str| {
            let threads = s.active_threads();
            let state = threads.iter().find(|t| t.name == name).map(|t| t.state);
            match state {
                Some(ThreadState::Waiting { at, .. }) => Some(at),
                _ => None,
            }
        };
        eventually("the join is seen", || seen("joiner").is_some_and(|at| at.line() == line));
        eventually("the scope's end is seen", || {
            let bodies = all_threads(&s.snapshot());
            let ends = bodies.iter().filter(|t| t.path.contains("opener") || t.name == "opener");
            ends.into_iter().any(|t| matches!(t.state, ThreadState::Waiting { .. }))
        });
        drop((open, end_open));
        Ok(())
    });
}

#[test]
fn w1_the_stop_comes_from_the_context_that_is_used() {
    // catches: a wait that listens to the calling thread's own node only
    in_scope(|s| {
        let (give, take) = bounded::<Context>(1);
        let other = s.spawn("other", "lends its context", move |cx| {
            give.send(cx.clone())?;
            until_stopped(cx)
        })?;
        let lent = take.recv()?;
        let user = s.spawn("user", "waits with the other's context", move |cx| {
            let ended = lent.sleep(NEVER).is_err();
            Ok((ended, cx.is_stopping()))
        })?;
        linger(3);
        other.stop();
        assert_eq!(user.join()?, (true, false));
        Ok(())
    });
}

#[test]
fn w1_a_context_on_an_unmanaged_thread_waits_as_well() {
    // catches: a record that only managed threads have
    in_scope(|s| {
        let cx = s.context().clone();
        let stranger = std::thread::spawn(move || (cx.sleep(NEVER).is_err(), cx.is_stopping()));
        linger(3);
        s.stop();
        assert_eq!(stranger.join().expect("it ends"), (true, true));
        Ok(())
    });
}

//! E1: a scope waits for its workers, then for services and groups, the last made first.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use super::logging;
use crate::common::*;
use crossbeam_channel::bounded;
use homebound::{Group, Result, SpawnError, StopReason, scope};

#[test]
fn e1_ok_waits_for_the_workers_without_stopping_them() {
    // catches: a stop at the end of the body; a stop of one worker when another ends
    within(|| {
        let result = scope(|s| {
            let (_open, gate) = gate();
            s.spawn("short", "ends first", |_| Ok(()))?;
            s.spawn("long", "works on after the body", move |cx| {
                pass(&gate);
                linger(50);
                if cx.is_stopping() { Err(boom("it was stopped")) } else { Ok(()) }
            })?;
            Ok("value")
        });
        assert_eq!(result.unwrap(), "value");
    });
}

#[test]
fn e1_services_and_groups_stop_last_made_first_each_joined_before_the_next() {
    // catches: all told at once, the wrong order, a forgotten group that loses its place
    within(|| {
        let log = Log::new();
        let result = scope(|s| {
            s.service("a", "first", logging(&log, "a"))?;
            let b = s.group("b")?;
            b.service("b", "in a forgotten group", logging(&log, "b"))?;
            std::mem::forget(b);
            s.service("c", "third", logging(&log, "c"))?;
            s.spawn("worker", "ends by itself", |_| Ok(()))?;
            s.service("d", "last", logging(&log, "d"))?;
            let log = log.clone();
            s.defer("deferred", move || Ok(log.add("deferred")));
            Ok(())
        });
        assert!(result.is_ok());
        let expected = "d told,d home,c told,c home,b told,b home,a told,a home,deferred";
        assert_eq!(log.all().join(","), expected);
    });
}

#[test]
fn e1_a_service_may_use_the_earlier_ones_while_it_stops() {
    // catches: a store that is gone before the writer that flushes into it
    within(|| {
        let result = scope(|s| {
            let (ask, asked) = bounded::<crossbeam_channel::Sender<u8>>(0);
            s.service("store", "answers", move |cx| {
                cx.iter(&asked).for_each(|reply| reply.send(9).unwrap());
                Ok(())
            })?;
            let writer = s.service("writer", "flushes at the end", move |cx| {
                let reason = cx.wait_for_stop();
                assert_eq!(reason, StopReason::UsersDone);
                let (reply, answer) = bounded(1);
                ask.send(reply)?;
                assert_eq!(answer.recv()?, 9);
                Ok(())
            })?;
            drop(writer);
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn e1_a_finishing_scope_refuses_spawns_and_groups_with_users_done() {
    // catches: a worker that slips in between the last join and the services' stop
    fn refused<T>(result: Result<T, SpawnError>) {
        match result {
            Err(SpawnError::Stopped(s)) => assert_eq!(*s.reason(), StopReason::UsersDone),
            _ => panic!("it was let in"),
        }
    }
    within(|| {
        let result = scope(|s| {
            s.service("late", "spawns while finishing", |cx| {
                cx.wait_for_stop();
                refused(cx.spawn("no", "is refused", |_| Ok(())));
                refused(cx.service("no", "is refused", |_| Ok(())));
                refused(cx.group("no"));
                Ok(())
            })?;
            s.defer("last", || {
                refused(s.spawn("no", "is refused", |_| Ok(())));
                refused(s.group("no").map(|group: Group<'_>| drop(group)));
                Ok(())
            });
            Ok(())
        });
        result.unwrap();
    });
}

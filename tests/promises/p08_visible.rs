//! P8: each live thread is shown, with what it waits for; foreign threads are found.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use crate::common::*;
use crossbeam_channel::unbounded;
use homebound::registry;
use homebound::{Role, ThreadState, scope};

#[test]
fn p8_every_thread_shows_what_it_waits_on_and_where() {
    // catches: a wait without a record, a record that stays, a wrong source line
    within(|| {
        let result = scope(|s| {
            let line = line!() + 1;
            let spawned = s.spawn("sleeper", "sleeps in the test", |cx| {
                linger(1);
                let at = line!() + 1;
                let slept = cx.sleep(NEVER);
                Ok((at, slept.is_err()))
            })?;
            let mut seen = None;
            eventually("the sleeper waits", || {
                seen = s.active_threads().pop();
                seen.as_ref().is_some_and(|t| matches!(t.state, ThreadState::Waiting { .. }))
            });
            let seen = seen.expect("just seen");
            assert_eq!((seen.name.as_str(), seen.purpose.as_str()), ("sleeper", "sleeps in the test"));
            assert_eq!((seen.id, seen.path.as_str()), (spawned.id(), spawned.path()));
            assert_eq!((seen.spawned_from.line(), seen.role), (line, Role::Worker));
            assert!(seen.spawned_from.file().ends_with(file!()) && seen.os_tid.is_some());
            let ThreadState::Waiting { what, at } = seen.state else { unreachable!() };
            assert_eq!(what, "sleep");
            let dump = s.dump_status();
            for part in ["sleeper", "sleeps in the test", &format!("{}:{}", file!(), at.line())] {
                assert!(dump.contains(part), "no {part:?} in\n{dump}");
            }
            s.stop();
            assert_eq!(spawned.join()?, (at.line(), true));
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn p8_foreign_threads_are_found() {
    // catches: a snapshot that knows only its own; one of ours taken for foreign
    child_passes(|_| {
        assert!(registry::snapshot().is_none());
        let (open, gate) = gate();
        let exit = registry::run(|s| {
            s.spawn("ours", "is no stranger", until_stopped)?;
            let before = registry::snapshot().expect("it runs").foreign.len();
            let gate = gate.clone();
            let alien = std::thread::Builder::new().name("alien".into()).spawn(move || pass(&gate))?;
            eventually("it has its name", || registry::dump_status().contains("alien"));
            let after = registry::snapshot().expect("it runs").foreign;
            assert_eq!(after.len(), before + 1, "{after:?}");
            drop(open);
            alien.join().expect("it ends");
            s.stop();
            Ok(())
        });
        i32::from(exit.code())
    });
}

#[test]
fn p8_a_foreign_thread_that_changes_its_name_is_found() {
    // catches: threads told apart by their names, between the looks of one snapshot
    child_passes(|_| {
        let exit = registry::run(|_| {
            let (tell, told) = unbounded();
            let (open, gate) = gate();
            let alien = std::thread::spawn(move || {
                tell.send(rustix::thread::gettid().as_raw_nonzero().get()).expect("somebody asks");
                while !disconnected(&gate) {
                    for name in [c"this", c"that"] {
                        rustix::thread::set_name(name).expect("short enough");
                    }
                }
            });
            let id = told.recv()?;
            let foreign = registry::snapshot().expect("it runs").foreign;
            drop(open);
            alien.join().expect("it ends");
            Ok(assert!(foreign.iter().any(|thread| i64::from(thread.os_tid) == i64::from(id)), "{foreign:?}"))
        });
        i32::from(exit.code())
    });
}

//! S11: a stopping scope takes no new threads.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::{Arc, Barrier};

use crate::common::*;
use homebound::{Result, SpawnError, StopReason, scope};

#[test]
fn s11_a_stopping_scope_refuses_and_makes_no_thread() {
    // catches: a thread started only to be stopped; a closure that is run or leaked
    within(|| {
        let result = scope(|s| {
            let cx = s.context();
            let lender = Arc::new(());
            s.stop();
            let (a, b) = (lender.clone(), lender.clone());
            match s.spawn("no", "is refused", move |_| -> Result { panic!("it ran: {a:?}") }) {
                Err(SpawnError::Stopped(why)) => {
                    assert!(matches!(why.reason(), StopReason::Requested { .. }));
                }
                other => panic!("{other:?}"),
            }
            let service = cx.service("no", "is refused", move |_| panic!("it ran: {b:?}"));
            assert!(matches!(service, Err(SpawnError::Stopped(_))));
            assert!(matches!(s.group("no"), Err(SpawnError::Stopped(_))));
            let built = s.thread("no", "is refused").isolated().spawn(|_| Ok(()));
            assert!(matches!(built, Err(SpawnError::Stopped(_))));
            assert_eq!((Arc::strong_count(&lender), s.active_threads().len()), (1, 0));
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s11_a_spawn_that_races_with_a_stop_is_refused_or_sees_it() {
    // catches: a thread that starts after the marking and is never told
    within(|| {
        let (mut refused, mut started) = (0, 0);
        for round in 0..500_u64 {
            let result = scope(|s| {
                let go = Arc::new(Barrier::new(2));
                let (ready, stopper) = (go.clone(), s.stopper());
                s.spawn("stops", "stops its scope", move |_| {
                    ready.wait();
                    (0..round % 50).for_each(|_| std::hint::spin_loop());
                    Ok(stopper.stop())
                })?;
                go.wait();
                match s.spawn("late", "waits for the stop", until_stopped) {
                    Ok(_) => started += 1,
                    Err(SpawnError::Stopped(_)) => refused += 1,
                    Err(other) => return Err(other.into()),
                }
                Ok(())
            });
            result.unwrap();
        }
        assert_eq!(refused + started, 500);
    });
}

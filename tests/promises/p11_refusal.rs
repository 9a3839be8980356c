//! P11: a thread that the system refuses is an error value, and its closure is dropped at once.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{ABSURD_STACK, refuse_threads};
use crate::common::*;
use homebound::{SpawnError, scope};
use rustix::process::{Resource, setrlimit};

#[test]
fn p11_a_refused_closure_is_dropped_by_the_caller_before_the_return() {
    // catches: closures leaked or dropped later, a place kept for a thread that never was
    within(|| {
        let result = scope(|s| {
            let dropped = Arc::new(AtomicUsize::new(0));
            let me = std::thread::current().id();
            let capture = || {
                let dropped = dropped.clone();
                OnDrop(move || {
                    assert_eq!(std::thread::current().id(), me);
                    dropped.fetch_add(1, Ordering::SeqCst);
                })
            };
            let huge = || s.thread("huge", "asks for too much").stack_size(ABSURD_STACK);
            let (one, two, three) = (capture(), capture(), capture());
            let worker = huge().spawn(move |_| Ok(drop(one)));
            assert!(matches!(worker, Err(SpawnError::Os(_))), "{worker:?}");
            assert_eq!(dropped.load(Ordering::SeqCst), 1);
            let service = huge().service(move |_| Ok(drop(two)));
            assert!(matches!(service, Err(SpawnError::Os(_))), "{service:?}");
            let sibling = s.context().thread("huge", "asks too").stack_size(ABSURD_STACK);
            assert!(matches!(sibling.spawn(move |_| Ok(drop(three))), Err(SpawnError::Os(_))));
            assert_eq!(dropped.load(Ordering::SeqCst), 3);
            // Such sizes overflow where they are rounded up: they do not get there.
            for size in [isize::MAX as usize / 2 + 1, usize::MAX] {
                let worker = s.thread("huge", "asks for more still").stack_size(size).spawn(|_| Ok(()));
                let Err(SpawnError::Os(refused)) = worker else { panic!("{size}: {worker:?}") };
                assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
            }
            assert!(s.active_threads().is_empty() && !s.is_stopping());
            assert_eq!(s.spawn("small", "still works", |_| Ok(5))?.join()?, 5);
            Ok(())
        });
        assert!(result.is_ok());
    });
}

#[test]
fn p11_the_kernel_refuses_with_eagain() {
    // catches: another error in place of EAGAIN; a scope that is unusable afterwards
    child_passes(|_| {
        let result = scope(|s| {
            s.spawn("early", "was let in", until_stopped)?;
            let before = refuse_threads();
            for _ in 0..100 {
                match s.spawn("late", "is refused", |_| Ok(())) {
                    Err(SpawnError::Os(e)) => assert_eq!(e.raw_os_error(), Some(libc::EAGAIN)),
                    other => panic!("not refused: {other:?}"),
                }
            }
            setrlimit(Resource::Nproc, before)?;
            assert_eq!(s.spawn("late", "is let in", |_| Ok(5))?.join()?, 5);
            assert_eq!(s.active_threads().len(), 1);
            s.stop();
            Ok(())
        });
        i32::from(result.is_err())
    });
}

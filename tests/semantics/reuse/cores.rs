//! A12 and C1 for threads with cores of their own.
//! Refuses to name a core that this machine may lack, but where that is the point.

use std::io::ErrorKind;

use super::priority::status;
use super::*;

fn cores() -> Vec<usize> {
    super::attributes::look().processors
}

#[test]
fn a12_cores_are_the_threads_own() {
    // catches: cores that siblings, children or the next job of the thread inherit
    within(|| {
        scope(|s| {
            let all = cores();
            let first = all[0];
            let pinned = s.thread("pinned", "stays in place").cores(first..first + 1).spawn(|cx| {
                let born = cx.spawn("born", "looks", |_| Ok(cores()))?.join()?;
                Ok((cores(), status(s, cx), thread::current().id(), born))
            })?;
            let (found, status, id, born) = pinned.join()?;
            assert_eq!(found, [first]);
            let given = status.cores.expect("it asked");
            assert_eq!((given.asked, given.applied, given.why), (vec![first], vec![first], None));
            assert_eq!((status.priority, &born), (Default::default(), &all));
            let next = s.spawn("pinned", "looks", |_| Ok((thread::current().id(), cores())))?.join()?;
            assert!(next.0 != id && next.1 == all, "no reuse");
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn a12_cores_that_are_not_there_are_no_reason_to_refuse() {
    // catches: a panic over a large number; a spawn that is refused for its cores
    within(|| {
        scope(|s| {
            let all = cores();
            for asked in [vec![], vec![5_000], vec![1_000, usize::MAX]] {
                let wants = s.thread("pinned", "cannot be").cores(asked.clone());
                let (found, status) = wants.spawn(|cx| Ok((cores(), status(s, cx))))?.join()?;
                assert_eq!(found, all);
                let given = status.cores.expect("it asked");
                assert_eq!((given.asked, given.applied), (asked, all.clone()));
                assert_eq!(given.why, Some(ErrorKind::InvalidInput));
            }
            let some = s.thread("pinned", "is in part").cores([all[0], 5_000, all[0]]);
            let given = some.spawn(|cx| Ok(status(s, cx)))?.join()?.cores.expect("it asked");
            assert_eq!((given.asked, given.applied), (vec![all[0], 5_000], vec![all[0]]));
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn a12_a_pool_of_a_pinned_thread_is_as_wide_as_the_root() {
    // catches: a width that is computed from the cores of the thread that asks for it
    within(|| {
        let width = thread::available_parallelism().map_or(1, usize::from);
        scope(|s| {
            let first = cores()[0];
            let pinned = s.thread("pinned", "has a pool").cores(first..first + 1).spawn(|cx| {
                assert_eq!(thread::available_parallelism()?.get(), 1, "it is pinned");
                let pool = cx.pool("pool", "runs jobs").start()?;
                let (open, gate) = gate();
                for _ in 0..width {
                    let gate = gate.clone();
                    pool.execute(cx, move |_| Ok(pass(&gate)))?;
                }
                eventually("each thread has a job", || pool.status().running == width);
                Ok(drop(open))
            })?;
            Ok(pinned.join()?)
        })
        .unwrap();
    });
}

//! E1: groups in groups, thousands deep, end without a deep stack and in a straight line.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::Duration;

use crate::common::*;
use homebound::{Group, Result, Scope, scope};

/// Groups in groups, the outermost first.
fn nested<'s>(s: &Scope<'s, '_>, levels: usize) -> Result<Vec<Group<'s>>> {
    let mut groups = vec![s.group("level")?];
    for level in 1..levels {
        groups.push(groups[level - 1].group("level")?);
    }
    Ok(groups)
}

fn drop_the_outermost(mut groups: Vec<Group<'_>>) -> Result {
    let outermost = groups.swap_remove(0);
    groups.into_iter().for_each(std::mem::forget);
    Ok(drop(outermost))
}

fn close_the_outermost(mut groups: Vec<Group<'_>>) -> Result {
    let outermost = groups.swap_remove(0);
    groups.into_iter().for_each(std::mem::forget);
    Ok(outermost.close()?)
}

/// All are home before the first is settled, and the last to go holds the others.
fn shut_down_and_drop_from_the_outside(groups: Vec<Group<'_>>) -> Result {
    let report = groups[0].shutdown(LIMIT);
    assert_eq!((report.total, report.joined), (1, 1), "{report}");
    Ok(drop(groups))
}

fn leave_them_to_the_scope(groups: Vec<Group<'_>>) -> Result {
    Ok(groups.into_iter().for_each(std::mem::forget))
}

#[test]
fn e1_the_end_of_deep_groups_needs_no_deep_stack() {
    // catches: recursion over the levels: of the steps, the settling, the paths, the drop of a
    // scope that holds the scope around it
    const LEVELS: usize = 1000;
    child_passes(|_| {
        let ends = [
            drop_the_outermost,
            close_the_outermost,
            shut_down_and_drop_from_the_outside,
            leave_them_to_the_scope,
        ];
        for end in ends {
            let small = std::thread::Builder::new().stack_size(64 * 1024);
            let ended = small.spawn(move || {
                let mut outlives = None;
                let result = scope(|s| {
                    let groups = nested(s, LEVELS)?;
                    let deepest = &groups[LEVELS - 1];
                    deepest.spawn("deepest", "waits at the bottom", until_stopped)?;
                    outlives = Some(deepest.context().clone());
                    end(groups)
                });
                result.unwrap();
                let deepest = outlives.expect("it was there");
                assert!(deepest.is_stopping() && deepest.path().ends_with("/level/level"));
            });
            ended.expect("starts").join().unwrap();
        }
        0
    });
}

#[test]
fn e1_a_deep_chain_of_groups_may_lose_its_lower_half() {
    // catches: a level above that is stopped as well, or one below that is not
    const LEVELS: usize = 2000;
    in_scope(|s| {
        let mut groups = nested(s, LEVELS)?;
        for level in [0, LEVELS / 2 - 1, LEVELS / 2, LEVELS - 1] {
            groups[level].spawn("member", "waits", until_stopped)?;
        }
        let mut below = groups.split_off(LEVELS / 2);
        let deepest = below[below.len() - 1].context().clone();
        drop(below.swap_remove(0));
        assert!(deepest.is_stopping() && below.iter().all(|group| group.is_stopping()));
        assert!(groups.iter().all(|group| !group.is_stopping()));
        assert_eq!(s.active_threads().len(), 2);
        let last = &groups[groups.len() - 1];
        last.spawn("late", "is admitted", |_| Ok(()))?.join()?;
        let report = groups[0].shutdown(LIMIT);
        Ok(assert_eq!((report.total, report.timeout), (2, 0), "{report}"))
    });
}

/// Of this thread: another program's load is not in it.
fn processor_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(now).expect("not negative")
}

#[test]
fn e1_the_end_of_deep_groups_takes_time_by_their_number() {
    // catches: work for all levels at each level: eight times as deep took five hundred times as
    // long
    fn fastest(levels: usize, end: fn(Vec<Group<'_>>) -> Result) -> Duration {
        let times = (0..5).map(|_| {
            let mut took = Duration::ZERO;
            let result = scope(|s| {
                let groups = nested(s, levels)?;
                groups[levels - 1].spawn("deepest", "waits at the bottom", until_stopped)?;
                let start = processor_time();
                end(groups)?;
                Ok(took = processor_time() - start)
            });
            result.unwrap();
            took
        });
        times.min().expect("five")
    }
    within(|| {
        for end in [drop_the_outermost, shut_down_and_drop_from_the_outside] {
            let (short, long) = (fastest(100, end), fastest(800, end));
            assert!(long < short * 64, "{short:?} for 100 levels, {long:?} for 800");
        }
    });
}

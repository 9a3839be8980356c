//! S9: a stop reaches the bottom of a deep tree, and its end walks no part twice.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::Duration;

use crate::common::*;
use crossbeam_channel::{Sender, bounded};
use homebound::{Context, Result, Scope, scope};

#[test]
fn s9_a_deep_tree_is_stopped_to_the_bottom() {
    // catches: recursion over the tree, a level that is left out
    fn nest(s: &Scope<'_, '_>, depth: usize, deepest: Sender<Context>) -> Result {
        if depth == 0 {
            deepest.send(s.context().clone())?;
            return until_stopped(s.context());
        }
        s.spawn("level", "has one below", move |_| Ok(scope(|below| nest(below, depth - 1, deepest))?))?;
        Ok(())
    }
    within(|| {
        let result = scope(|s| {
            let (to, deepest) = bounded(1);
            nest(s, 100, to)?;
            let deepest = deepest.recv()?;
            s.stop();
            assert!(deepest.is_stopping() && disconnected(deepest.stop_signal()));
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s9_the_end_of_a_deep_tree_walks_what_is_below_once() {
    // catches: each level that ends marks all below it again, as long as somebody has a context of
    // the deepest: for 400 levels, ten times the work
    fn nest(s: &Scope<'_, '_>, depth: usize, deepest: &Sender<Context>) -> Result<Duration> {
        if depth > 0 {
            return Ok(s.subscope("level", |below| nest(below, depth - 1, deepest))?);
        }
        deepest.send(s.context().clone())?;
        s.context().wait_for_stop();
        Ok(thread_time())
    }
    fn end(keep: bool) -> Duration {
        let ended = scope(|s| {
            let (to, deepest) = bounded(1);
            let nested = s.thread("nested", "ends level by level").stack_size(256 << 20);
            let nested = nested.spawn(move |_| {
                let start = scope(|top| nest(top, 400, &to))?;
                Ok(thread_time() - start)
            })?;
            let kept = Some(deepest.recv()?).filter(|_| keep);
            s.stop();
            let took = nested.join()?;
            drop(kept);
            Ok(took)
        });
        ended.unwrap()
    }
    within(|| {
        let fastest = |keep| (0..3).map(|_| end(keep)).min().expect("three");
        let (forgotten, kept) = (fastest(false), fastest(true));
        assert!(kept < forgotten * 4, "{kept:?}, and {forgotten:?} if nobody has a context");
    });
}

#[test]
fn s9_depth_costs_no_more_than_its_length_where_nothing_stops() {
    // catches: each level that ends looks at all levels around it: for four times as many, sixteen
    // times the work
    fn nest(s: &Scope<'_, '_>, depth: usize) -> Result<Duration> {
        if depth > 0 {
            return Ok(s.subscope("level", |below| nest(below, depth - 1))?);
        }
        Ok(thread_time())
    }
    fn end(depth: usize) -> Duration {
        let ended = scope(|s| {
            let nested = s.thread("nested", "ends level by level").stack_size(256 << 20);
            let nested = nested.spawn(move |_| {
                let start = scope(|top| nest(top, depth))?;
                Ok(thread_time() - start)
            })?;
            Ok(nested.join()?)
        });
        ended.unwrap()
    }
    within(|| {
        // Of several, because a neighbour on the same core costs processor time as well.
        let fastest = |depth| (0..9).map(|_| end(depth)).min().expect("nine");
        let (shallow, deep) = (fastest(300), fastest(1200));
        assert!(deep < shallow * 9, "{deep:?}, and {shallow:?} for a quarter of the depth");
    });
}

//! MA1 to MA3: a closure for each of many items, all results at once.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::collections::HashSet;
use std::iter;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::waits_of;
use crate::common::*;
use crossbeam_channel::bounded;
use homebound::for_testing::{Probe, ProbedRoot, Seed};
use homebound::{SpawnError, ThreadState};

/// Counts the calls that are under way at once.
#[derive(Default)]
struct Peak {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Peak {
    fn during<R>(&self, f: impl FnOnce() -> R) -> R {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let result = f();
        self.now.fetch_sub(1, Ordering::SeqCst);
        result
    }
}

#[test]
fn ma1_results_come_in_the_order_of_the_items_and_at_most_width_at_a_time() {
    // catches: results in the order of the ends; a thread for each item
    in_scope(|s| {
        let peak = Peak::default();
        let ended = Mutex::new(Vec::new());
        let ((begin, begun), (end, over)) = (bounded(1), bounded(1));
        let turns = s.map("sort", "ends the second item first", 2, [30, 20, 10], |_, item| {
            // The second item begins and ends while the first one is under way.
            peak.during(|| match item {
                30 => begin.send(()).is_ok() && over.recv_timeout(LIMIT).is_ok(),
                20 => begun.recv_timeout(LIMIT).is_ok() && peak.now.load(Ordering::SeqCst) == 2,
                _ => true,
            });
            ended.lock().unwrap().push(item);
            if item == 20 {
                end.send(())?;
            }
            Ok(item * 2)
        })?;
        assert_eq!(turns, [60, 40, 20]);
        assert_eq!(ended.into_inner().unwrap()[0], 20);
        assert_eq!(peak.most.into_inner(), 2);
        let many = s.map("many", "counts", 3, 0..10_000_usize, |_, n| Ok(n))?;
        assert!(many.iter().copied().eq(0..10_000));
        let one = Peak::default();
        s.map("one", "is one at a time", 0, 0..50, |_, _| Ok(one.during(|| linger(0))))?;
        Ok(assert_eq!(one.most.into_inner(), 1))
    });
}

#[test]
fn ma1_items_results_and_closure_may_borrow_locals_of_the_body() {
    // catches: items that must be 'static; a thread that uses a local after it is gone
    in_scope(|s| {
        let lender = Lender::new();
        let words: Vec<String> = ["to", "be", "or"].map(str::to_owned).to_vec();
        let suffix = String::from("!");
        let loans = (0..3).map(|_| lender.lend());
        let mut shouted: Vec<&str> =
            s.map("words", "reads", 2, words.iter().zip(loans), |_, (word, loan)| {
                loan.touch();
                Ok(if suffix.is_empty() { "" } else { word.as_str() })
            })?;
        shouted.sort_unstable();
        lender.assert_unused();
        Ok(assert_eq!(shouted, ["be", "or", "to"]))
    });
}

#[test]
fn ma2_no_item_no_thread_and_no_more_threads_than_items() {
    // catches: `width` threads that are made at once
    within(|| {
        let probe = Arc::new(Probe::new(Seed::Nothing, 0));
        let root = ProbedRoot::open(NEVER, Arc::clone(&probe));
        let ended = root.run(|s| {
            assert_eq!(s.map("none", "has no item", 8, Vec::<u8>::new(), |_, n| Ok(n))?, [0_u8; 0]);
            assert_eq!(
                s.map("none", "cannot tell", 8, iter::from_fn(|| None::<u8>), |_, n| Ok(n))?,
                [0_u8; 0]
            );
            assert_eq!(probe.spawns(), 0);
            let (open, closed) = gate();
            let arrived = AtomicUsize::new(0);
            let open = Mutex::new(Some(open));
            s.map("three", "waits for all three", 8, 0..3, |_, _| {
                if arrived.fetch_add(1, Ordering::SeqCst) == 2 {
                    drop(open.lock().unwrap().take());
                }
                Ok(pass(&closed))
            })?;
            assert_eq!(probe.spawns(), 3);
            // One after another needs one thread at a time, whatever the width.
            let (tell, told) = bounded(0);
            s.spawn("feeder", "sends an item when the one before is done", move |_| {
                Ok((0..3).try_for_each(|n| tell.send(n))?)
            })?;
            s.map("fed", "takes what is sent", 1, told.iter(), |_, n| Ok(n))?;
            Ok(assert_eq!(probe.spawns(), 5))
        });
        assert!(ended.panic.is_none() && ended.verdict.is_ok(), "{ended:?}");
    });
}

#[test]
fn ma2_threads_have_numbers_the_line_of_the_caller_and_the_item_that_they_are_at() {
    // catches: a spawn site inside the library; threads that cannot be told apart
    in_scope(|s| {
        let (seen, dumped) = (Mutex::new(HashSet::new()), AtomicUsize::new(0));
        let line = line!() + 1;
        let paths = s.map("thumbs", "makes thumbnails", 2, 0..2, |cx, item| {
            seen.lock().unwrap().insert(cx.name().to_owned());
            eventually("both are there", || seen.lock().unwrap().len() == 2);
            let row =
                all_threads(&s.snapshot()).into_iter().find(|row| row.name == cx.name()).expect("it is seen");
            assert_eq!(row.note, Some(format!("item {item}")));
            assert_eq!((row.spawned_from.file(), row.spawned_from.line()), (file!(), line));
            assert_eq!(row.purpose, "makes thumbnails");
            waits_of(s, "(body)", "map");
            let dump = s.dump_status();
            dumped.fetch_add(1, Ordering::SeqCst);
            eventually("both have looked", || dumped.load(Ordering::SeqCst) == 2);
            assert!(
                dump.contains(&format!("waits: map {}/thumbs (2: thumbs-1, thumbs-2)", s.context().path())),
                "{dump}"
            );
            Ok(cx.path().strip_prefix(s.context().path()).unwrap_or_default().to_owned())
        })?;
        let paths: HashSet<_> = paths.iter().map(String::as_str).collect();
        Ok(assert_eq!(paths, HashSet::from(["/thumbs/thumbs-1", "/thumbs/thumbs-2"])))
    });
}

#[test]
fn ma2_a_refusal_after_the_first_thread_goes_on_with_fewer() {
    // catches: an item that is lost with the refused thread; a map that fails although it could go
    // on
    within(|| {
        for refused in [2, 3] {
            let root = ProbedRoot::open(NEVER, Arc::new(Probe::new(Seed::Refusal, refused)));
            let peak = Peak::default();
            let ended = root.run(|s| {
                let all = s.map("three", "is refused one", 3, 0..200, |_, n| Ok(peak.during(|| n)))?;
                Ok(assert!(all.into_iter().eq(0..200)))
            });
            assert!(ended.panic.is_none() && ended.verdict.is_ok(), "{ended:?}");
            assert!(peak.most.into_inner() < 3);
        }
        let root = ProbedRoot::open(NEVER, Arc::new(Probe::new(Seed::Refusal, 1)));
        let ended = root.run(|s| {
            let error =
                s.map("none", "is refused the first", 3, 0..200, |_, n| Ok(n)).expect_err("no thread");
            let refused = error.first().expect("one").downcast_ref::<SpawnError>();
            Ok(assert!(matches!(refused, Some(SpawnError::Os(_))), "{error}"))
        });
        assert!(ended.panic.is_none() && ended.verdict.is_ok(), "{ended:?}");
    });
}

/// An iterator that notes whether two threads are in it, and whether it is called after its end.
struct Jealous {
    inside: Arc<AtomicBool>,
    left: usize,
    over: bool,
}

impl Iterator for Jealous {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        assert!(!self.inside.swap(true, Ordering::SeqCst), "two threads are in `next`");
        assert!(!self.over, "it is called after its end");
        std::thread::yield_now();
        self.over = self.left == 0;
        let item = self.left.checked_sub(1);
        self.left = item.unwrap_or(0);
        self.inside.store(false, Ordering::SeqCst);
        item
    }
}

#[test]
fn ma3_the_source_is_asked_by_one_thread_at_a_time_and_not_after_its_end() {
    // catches: a source behind no lock; workers that each ask once more at the end
    in_scope(|s| {
        let source = Jealous { inside: Arc::default(), left: 2_000, over: false };
        let all = s.map("jealous", "takes items", 4, source, |_, n| Ok(n))?;
        Ok(assert!(all.into_iter().eq((0..2_000).rev())))
    });
}

#[test]
fn ma3_a_source_that_blocks_holds_no_lock_of_ours() {
    // catches: a lock around `next`, which a dump, a stop or a worker then waits for
    in_scope(|s| {
        let (send, items) = bounded(0);
        let ours = s.context().path().to_owned();
        s.spawn("feeder", "feeds, looks, feeds", move |_| {
            send.send(1)?;
            // One of the two is inside of `next()`, the other waits for its turn.
            eventually("a worker waits for its turn", || {
                let waits = |state| matches!(state, ThreadState::Waiting { what: "the next item", .. });
                all_threads(&s.snapshot()).into_iter().any(|row| waits(row.state))
            });
            assert!(s.dump_status().contains(&format!("{ours}/slow")));
            send.send(2)?;
            send.send(3)?;
            Ok(())
        })?;
        let done = s.map("slow", "takes what comes", 3, items.iter(), |_, n| Ok(n * 2))?;
        Ok(assert_eq!(done, [2, 4, 6]))
    });
}

#[test]
fn ma6_a_source_that_is_wrong_about_its_size_loses_nothing() {
    // catches: a `size_hint` that is believed
    struct Wrong(std::ops::Range<u32>, (usize, Option<usize>));
    impl Iterator for Wrong {
        type Item = u32;
        fn next(&mut self) -> Option<u32> {
            self.0.next()
        }
        fn size_hint(&self) -> (usize, Option<usize>) {
            self.1
        }
    }
    in_scope(|s| {
        for hint in [(0, Some(0)), (usize::MAX, Some(0)), (usize::MAX, None), (9, Some(2))] {
            let (streamed, mapped) = (Wrong(0..5, hint), Wrong(0..5, hint));
            let stream = s.map_stream(
                "wrong",
                "counts",
                2,
                streamed,
                |_, n| Ok(n),
                |_, all| Ok(all.collect::<std::result::Result<Vec<_>, _>>()?),
            )?;
            let map = s.map("wrong", "counts", 2, mapped, |_, n| Ok(n))?;
            assert_eq!((stream, map), ((0..5).collect(), (0..5).collect()));
        }
        Ok(())
    });
}

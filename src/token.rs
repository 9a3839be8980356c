//! Owns the count of what homebound put into errors: tokens of stops and failures, by the closure that ran when they were
//! made.
//! Refuses to look into an error.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use crate::sync::local::*;

per_thread! {
    /// How many closures of ours run on this thread, one inside the other.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// The frames of those that made a token, the outermost first. Most make none: then this is not touched, since the
    /// first touch costs the thread an allocation.
    static FRAMES: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
    static HAS_FRAMES: Cell<bool> = const { Cell::new(false) };
    /// Tells the tokens of this thread's job from those of others; 0 before it has made one.
    static JOB: Cell<u64> = const { Cell::new(0) };
}

static NEXT_JOB: AtomicU64 = AtomicU64::new(1);

/// The tokens made while one closure ran; at depth 0, by the code around all.
#[derive(Default)]
struct Frame {
    depth: usize,
    /// Each [`StopMark`] holds a clone of the last; the others came from closures inside that are over.
    stops: Vec<Arc<()>>,
    failures: Vec<Weak<Vec<u64>>>,
}

impl Frame {
    /// False if nothing of it is alive.
    fn prune(&mut self) -> bool {
        self.stops.retain(|mark| Arc::strong_count(mark) > 1);
        self.failures.retain(|mark| mark.strong_count() > 0);
        !(self.stops.is_empty() && self.failures.is_empty())
    }
}

/// The frame of the closure that runs, if it has one.
fn top(frames: &mut [Frame]) -> Option<&mut Frame> {
    frames.last_mut().filter(|frame| frame.depth == DEPTH.get())
}

/// The closure that runs is over; what it leaves alive is the next outer one's.
fn leave(frames: &mut Vec<Frame>) {
    let over = if top(frames).is_some() { frames.pop() } else { None };
    let depth = DEPTH.get().saturating_sub(1);
    DEPTH.set(depth);
    let Some(mut over) = over.and_then(|mut frame| frame.prune().then_some(frame)) else { return };
    match top(frames) {
        Some(outer) => {
            outer.prune();
            // In front of the outer ones: new marks are clones of the last.
            over.stops.append(&mut outer.stops);
            outer.stops = over.stops;
            outer.failures.append(&mut over.failures);
        }
        None => frames.push(Frame { depth, ..over }),
    }
}

/// The frame of the closure that runs, made if need be; in thread-local destructors there is none, and nothing is judged.
fn with_frame<R>(look: impl FnOnce(&mut Frame) -> R) -> Option<R> {
    let looked = FRAMES.try_with(|frames| {
        HAS_FRAMES.set(true);
        let mut frames = frames.borrow_mut();
        if top(&mut frames).is_none() {
            frames.push(Frame { depth: DEPTH.get(), ..Frame::default() });
        }
        top(&mut frames).map(look)
    });
    looked.ok().flatten()
}

/// Held by every `Stopped`: counted on the thread that made it, wherever its clones go.
#[derive(Clone)]
pub(crate) struct StopMark {
    _living: Arc<()>,
    made_in: u64,
}

impl StopMark {
    pub(crate) fn new() -> StopMark {
        let shared = with_frame(|frame| {
            if frame.stops.is_empty() {
                frame.stops.push(Arc::default());
            }
            frame.stops.last().cloned()
        });
        if JOB.get() == 0 {
            JOB.set(NEXT_JOB.fetch_add(1, Ordering::Relaxed));
        }
        StopMark { _living: shared.flatten().unwrap_or_default(), made_in: JOB.get() }
    }

    pub(crate) fn is_from_here(&self) -> bool {
        self.made_in == JOB.get()
    }
}

/// Held by every failure that went into an error: its id and those that it carries.
#[derive(Clone)]
pub(crate) struct FailureMark {
    _living: Arc<Vec<u64>>,
}

impl FailureMark {
    pub(crate) fn new(ids: Vec<u64>) -> FailureMark {
        let living = Arc::new(ids);
        with_frame(|frame| {
            frame.failures.retain(|mark| mark.strong_count() > 0);
            frame.failures.push(Arc::downgrade(&living));
        });
        FailureMark { _living: living }
    }
}

/// What is alive of the tokens of the closure that runs.
#[derive(Default)]
pub(crate) struct Living {
    pub(crate) stops: usize,
    pub(crate) failures: Vec<u64>,
}

pub(crate) fn living() -> Living {
    if !HAS_FRAMES.get() {
        return Living::default();
    }
    let counted = FRAMES.try_with(|frames| {
        let mut frames = frames.borrow_mut();
        let frame = top(&mut frames)?;
        let failures = frame.failures.iter().filter_map(Weak::upgrade).flat_map(|ids| ids.to_vec());
        let stops = frame.stops.iter().map(|mark| Arc::strong_count(mark) - 1).sum();
        Some(Living { stops, failures: failures.collect() })
    });
    counted.ok().flatten().unwrap_or_default()
}

/// The closure that runs has failed: stops in its error were somebody else's, and excuse no closure around.
pub(crate) fn forget_stops() {
    if HAS_FRAMES.get() {
        let _none_in_destructors = FRAMES.try_with(|frames| {
            top(&mut frames.borrow_mut()).into_iter().for_each(|frame| frame.stops.clear());
        });
    }
}

/// A closure of ours runs on this thread, until this drops.
#[derive(Debug)]
#[must_use]
pub(crate) struct Run;

/// A job begins on this thread, which may have done others: their tokens are not this one's.
pub(crate) fn begin_job() -> Run {
    JOB.set(0);
    if HAS_FRAMES.replace(false) {
        let _gone = FRAMES.try_with(RefCell::take);
    }
    DEPTH.set(0);
    begin()
}

pub(crate) fn begin() -> Run {
    DEPTH.set(DEPTH.get() + 1);
    Run
}

impl Drop for Run {
    fn drop(&mut self) {
        if HAS_FRAMES.get() {
            let _gone = FRAMES.try_with(|frames| leave(&mut frames.borrow_mut()));
        } else {
            DEPTH.set(DEPTH.get().saturating_sub(1));
        }
    }
}

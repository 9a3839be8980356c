//! Owns the count of what homebound put into errors: tokens of stops and failures, by the closure that ran when they were
//! made.
//! Refuses to look into an error.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

thread_local! {
    static FRAMES: RefCell<Frames> = const { RefCell::new(Frames { depth: 0, list: Vec::new() }) };
    /// Tells the tokens of this thread's job from those of others.
    static HERE: RefCell<Arc<()>> = RefCell::default();
}

/// How many closures of ours run on this thread, one inside the other, and the frames of those that made a token: most
/// make none.
#[derive(Default)]
struct Frames {
    depth: usize,
    list: Vec<Frame>,
}

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

impl Frames {
    /// The frame of the closure that runs, if it has one.
    fn top(&mut self) -> Option<&mut Frame> {
        let depth = self.depth;
        self.list.last_mut().filter(|frame| frame.depth == depth)
    }

    /// The closure that runs is over; what it leaves alive is the next outer one's.
    fn leave(&mut self) {
        let over = if self.top().is_some() { self.list.pop() } else { None };
        self.depth = self.depth.saturating_sub(1);
        let Some(mut over) = over.and_then(|mut frame| frame.prune().then_some(frame)) else { return };
        match self.top() {
            Some(outer) => {
                outer.prune();
                // In front of the outer ones: new marks are clones of the last.
                over.stops.append(&mut outer.stops);
                outer.stops = over.stops;
                outer.failures.append(&mut over.failures);
            }
            None => self.list.push(Frame { depth: self.depth, ..over }),
        }
    }
}

/// The frame of the closure that runs, made if need be; in thread-local destructors there is none, and nothing is judged.
fn with_frame<R>(look: impl FnOnce(&mut Frame) -> R) -> Option<R> {
    let looked = FRAMES.try_with(|frames| {
        let mut frames = frames.borrow_mut();
        if frames.top().is_none() {
            let depth = frames.depth;
            frames.list.push(Frame { depth, ..Frame::default() });
        }
        frames.top().map(look)
    });
    looked.ok().flatten()
}

/// Held by every `Stopped`: counted on the thread that made it, wherever its clones go.
#[derive(Clone)]
pub(crate) struct StopMark {
    _living: Arc<()>,
    made_on: Weak<()>,
}

impl StopMark {
    pub(crate) fn new() -> StopMark {
        let shared = with_frame(|frame| {
            if frame.stops.is_empty() {
                frame.stops.push(Arc::default());
            }
            frame.stops.last().cloned()
        });
        let made_on = HERE.try_with(|here| Arc::downgrade(&here.borrow())).unwrap_or_default();
        StopMark { _living: shared.flatten().unwrap_or_default(), made_on }
    }

    pub(crate) fn is_from_here(&self) -> bool {
        HERE.try_with(|here| self.made_on.as_ptr() == Arc::as_ptr(&here.borrow())).unwrap_or(false)
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
    let counted = FRAMES.try_with(|frames| {
        let mut frames = frames.borrow_mut();
        let frame = frames.top()?;
        let failures = frame.failures.iter().filter_map(Weak::upgrade).flat_map(|ids| ids.to_vec());
        let stops = frame.stops.iter().map(|mark| Arc::strong_count(mark) - 1).sum();
        Some(Living { stops, failures: failures.collect() })
    });
    counted.ok().flatten().unwrap_or_default()
}

/// A closure of ours runs on this thread, until this drops.
#[derive(Debug)]
#[must_use]
pub(crate) struct Run;

/// A job begins on this thread, which may have done others: their tokens are not this one's.
pub(crate) fn begin_job() -> Run {
    let _gone = HERE.try_with(RefCell::take);
    let _gone = FRAMES.try_with(RefCell::take);
    begin()
}

pub(crate) fn begin() -> Run {
    let _gone = FRAMES.try_with(|frames| frames.borrow_mut().depth += 1);
    Run
}

impl Drop for Run {
    fn drop(&mut self) {
        let _gone = FRAMES.try_with(|frames| frames.borrow_mut().leave());
    }
}

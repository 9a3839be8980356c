//! Owns the tokens that homebound puts into errors, one for each stop or failure that an error carries: which of them this
//! thread has made, and which were dropped, or shown, while it looked at an error.
//! Refuses to judge an error.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use crate::outcome::reason::Stop;
use crate::sync::local::*;

per_thread! {
    /// The marks of the stops of which this thread has made tokens, in its present job. Most make none: then this is not
    /// touched, since the first touch costs the thread an allocation.
    static MADE: RefCell<Vec<Weak<Mark>>> = const { RefCell::new(Vec::new()) };
    static HAS_MADE: Cell<bool> = const { Cell::new(false) };
    /// While the thread drops an error: by how many the tokens of each mark became more or fewer.
    static BOOK: RefCell<Vec<(Arc<Mark>, isize)>> = const { RefCell::new(Vec::new()) };
    static COUNTS: Cell<bool> = const { Cell::new(false) };
    /// Something that holds a token has printed itself.
    static SHOWN: Cell<bool> = const { Cell::new(false) };
}

/// What an error may carry.
pub(crate) enum Carries {
    Stop(Stop),
    /// The id of a failure, and those of the failures in its error: they are told by it, and not listed again.
    Failures(Vec<u64>),
}

/// What all tokens share that tell of one thing: of the stop of one node, or of one failure.
pub(crate) struct Mark {
    pub(crate) carries: Carries,
    /// How many tokens there are, on all threads. A node holds its mark as well, so that the mark's own count does not tell.
    tokens: AtomicUsize,
}

impl Mark {
    pub(crate) fn new(carries: Carries) -> Arc<Mark> {
        Arc::new(Mark { carries, tokens: AtomicUsize::new(0) })
    }

    /// True while there is a token of it, on any thread. A token that the calling thread can reach is always seen: whatever
    /// handed the token over ordered its making before.
    pub(crate) fn is_carried(&self) -> bool {
        self.tokens.load(Ordering::Relaxed) > 0
    }
}

/// Held by every `Stopped`, and by every failure that went into an error.
pub(crate) struct Token(Arc<Mark>);

impl Token {
    pub(crate) fn of(mark: Arc<Mark>) -> Token {
        mark.tokens.fetch_add(1, Ordering::Relaxed);
        if let Carries::Stop(stop) = &mark.carries {
            stop.is_proved();
        }
        count(&mark, 1);
        Token(mark)
    }

    pub(crate) fn carries(&self) -> &Carries {
        &self.0.carries
    }
}

impl Clone for Token {
    fn clone(&self) -> Token {
        Token::of(Arc::clone(&self.0))
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.tokens.fetch_sub(1, Ordering::Relaxed);
        if let Carries::Stop(stop) = &self.0.carries {
            stop.is_proved_no_more();
        }
        count(&self.0, -1);
    }
}

/// The calling thread makes a token of this stop: its closure may return it in an error that hides it. In thread-local
/// destructors nothing is noted, and nothing judged.
pub(crate) fn note(mark: &Arc<Mark>) {
    HAS_MADE.set(true);
    let _gone_in_destructors = MADE.try_with(|made| {
        let mut made = made.borrow_mut();
        // Most threads make one and the same again and again.
        if made.last().is_some_and(|last| last.as_ptr() == Arc::as_ptr(mark)) {
            return;
        }
        if made.len() == made.capacity() {
            prune(&mut made);
        }
        made.push(Arc::downgrade(mark));
    });
}

/// Before the list grows: so it is as long as there are living marks, and the cost for each token stays the same.
fn prune(made: &mut Vec<Weak<Mark>>) {
    made.retain(|mark| mark.upgrade().is_some_and(|mark| mark.is_carried()));
    made.sort_unstable_by_key(|mark| mark.as_ptr().addr());
    made.dedup_by_key(|mark| mark.as_ptr().addr());
}

/// A job begins on this thread, which may have done others: their tokens are not this one's.
pub(crate) fn begin_job() {
    if HAS_MADE.replace(false) {
        let _gone = MADE.try_with(RefCell::take);
    }
}

/// The marks of the stops of which the calling thread has made tokens, where some are alive.
pub(crate) fn made_here() -> Vec<Arc<Mark>> {
    if !HAS_MADE.get() {
        return Vec::new();
    }
    let made = MADE.try_with(|made| made.borrow().iter().filter_map(Weak::upgrade).collect());
    let mut made: Vec<Arc<Mark>> = made.unwrap_or_default();
    made.retain(|mark| mark.is_carried());
    made
}

/// The marks of which there are fewer tokens after `f`, by what this thread has done in it: what an error carried that `f`
/// drops. A token that a `Drop` in there makes, and drops again, was not carried.
pub(crate) fn dropped_in(f: impl FnOnce()) -> Vec<Arc<Mark>> {
    let around = (COUNTS.replace(true), BOOK.try_with(RefCell::take));
    f();
    let book = BOOK.try_with(|book| book.replace(around.1.unwrap_or_default()));
    COUNTS.set(around.0);
    let fewer = book.unwrap_or_default().into_iter().filter(|(_, by)| *by < 0);
    fewer.map(|(mark, _)| mark).collect()
}

/// A failure is dropped: what its own error carries is not carried by the error around.
pub(crate) fn uncounted<R>(f: impl FnOnce() -> R) -> R {
    let counted = COUNTS.replace(false);
    let result = f();
    COUNTS.set(counted);
    result
}

fn count(mark: &Arc<Mark>, by: isize) {
    if !COUNTS.get() {
        return;
    }
    let _gone_in_destructors = BOOK.try_with(|book| {
        let mut book = book.borrow_mut();
        match book.iter_mut().find(|(known, _)| Arc::ptr_eq(known, mark)) {
            Some((_, sum)) => *sum += by,
            None => book.push((Arc::clone(mark), by)),
        }
    });
}

/// Said by all that holds a token when it prints itself.
pub(crate) fn show() {
    SHOWN.set(true);
}

/// Whether something that holds a token printed itself in `f`.
pub(crate) fn is_shown_in(f: impl FnOnce()) -> bool {
    let around = SHOWN.replace(false);
    f();
    SHOWN.replace(around)
}

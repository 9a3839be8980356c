//! Owns the tokens that homebound puts into errors, one for each stop or failure that an error
//! carries, and the notes of a thread on tokens: made here, dropped or printed in a closure.
//! Refuses to judge an error: `tree::classify` does, by these notes.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use crate::outcome::reason::Stop;
use crate::rt::order::sort_by_key;
use crate::sync::local::*;

per_thread! {
    /// The marks of the stops of which this thread has made tokens, in its present closure. Most
    /// threads make none, and then do not touch `MADE`, because the first touch costs an
    /// allocation.
    static MADE: RefCell<Vec<Weak<Mark>>> = const { RefCell::new(Vec::new()) };
    /// True if the present closure has made a token, so that `MADE` has entries.
    static HAS_MADE: Cell<bool> = const { Cell::new(false) };
    /// For each mark, the tokens that were made less the tokens that were dropped, by this thread
    /// in the innermost `dropped_in`.
    static BALANCES: RefCell<Vec<(Arc<Mark>, isize)>> = const { RefCell::new(Vec::new()) };
    /// True while tokens are counted in `BALANCES`.
    static COUNTS: Cell<bool> = const { Cell::new(false) };
    /// True if an error that holds a token has printed itself on this thread.
    static SHOWN: Cell<bool> = const { Cell::new(false) };
}

/// The stop or the failure that an error may carry.
pub(crate) enum Carries {
    Stop(Stop),
    /// The id of a failure, and the ids of the failures that its error carries. The latter are
    /// listed with the former, and not again.
    Failures(Vec<u64>),
}

/// Shared by all tokens of one failure, or of the stop of one node.
pub(crate) struct Mark {
    pub(crate) carries: Carries,
    /// Number of tokens that are alive, on all threads. The count of the `Arc` would not do,
    /// because a node holds its mark as well.
    tokens: AtomicUsize,
}

impl Mark {
    pub(crate) fn new(carries: Carries) -> Arc<Mark> {
        Arc::new(Mark { carries, tokens: AtomicUsize::new(0) })
    }

    /// True while a token of this mark is alive, on any thread.
    pub(crate) fn is_carried(&self) -> bool {
        // Relaxed is enough. A token that the calling thread can reach was made by this thread, or
        // was handed to it by a channel or a lock, and that orders the making before this load.
        self.tokens.load(Ordering::Relaxed) > 0
    }
}

/// Proof that an error carries the stop or failure of its mark. Held by every `Stopped`, and by
/// every failure that went into an error.
pub(crate) struct Token(Arc<Mark>);

impl Token {
    pub(crate) fn of(mark: Arc<Mark>) -> Token {
        // Relaxed: see `is_carried`.
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
        // Relaxed, because a load that misses this drop only counts a token too many. Then an error
        // is judged by its drop without need.
        self.0.tokens.fetch_sub(1, Ordering::Relaxed);
        if let Carries::Stop(stop) = &self.0.carries {
            stop.is_proved_no_more();
        }
        count(&self.0, -1);
    }
}

/// Notes that the calling thread makes a token of this stop, because its closure may return the
/// token in an error that hides it. Thread-local destructors note nothing, since no error of theirs
/// is judged.
pub(crate) fn note(mark: &Arc<Mark>) {
    HAS_MADE.set(true);
    let _gone_in_destructors = MADE.try_with(|made| {
        let mut made = made.borrow_mut();
        // Most threads make tokens of the same mark again and again.
        if made.last().is_some_and(|last| last.as_ptr() == Arc::as_ptr(mark)) {
            return;
        }
        if made.len() == made.capacity() {
            prune(&mut made);
        }
        made.push(Arc::downgrade(mark));
    });
}

/// Removes dead and doubled marks. Called before the list grows, so that its length is bounded by
/// the number of living marks, and the cost for each token stays the same.
fn prune(made: &mut Vec<Weak<Mark>>) {
    made.retain(|mark| mark.upgrade().is_some_and(|mark| mark.is_carried()));
    sort_by_key(made, |mark| mark.as_ptr().addr());
    made.dedup_by_key(|mark| mark.as_ptr().addr());
}

/// Forgets the tokens of earlier closures. Called before a closure (of a thread, of a run, of a
/// pool's job) begins on the calling OS thread.
pub(crate) fn begin_closure() {
    if HAS_MADE.replace(false) {
        let _gone = MADE.try_with(RefCell::take);
    }
}

/// The marks of the stops of which the calling thread has made tokens, if tokens of them are alive.
pub(crate) fn made_here() -> Vec<Arc<Mark>> {
    if !HAS_MADE.get() {
        return Vec::new();
    }
    let made = MADE.try_with(|made| made.borrow().iter().filter_map(Weak::upgrade).collect());
    let mut made: Vec<Arc<Mark>> = made.unwrap_or_default();
    made.retain(|mark| mark.is_carried());
    made
}

/// The marks of which this thread drops more tokens in `f` than it makes. If `f` drops an error,
/// these are the marks that the error carried. A token that a `Drop` in `f` makes and drops again
/// sums up to 0, because the error did not carry it.
pub(crate) fn dropped_in(f: impl FnOnce()) -> Vec<Arc<Mark>> {
    // Put back below, because `f` runs code of the program's, which may judge errors in turn.
    let around = (COUNTS.replace(true), BALANCES.try_with(RefCell::take));
    f();
    // The balances of `f` go out, and those of the `dropped_in` around come back.
    let balances = BALANCES.try_with(|balances| balances.replace(around.1.unwrap_or_default()));
    COUNTS.set(around.0);
    let fewer = balances.unwrap_or_default().into_iter().filter(|(_, by)| *by < 0);
    fewer.map(|(mark, _)| mark).collect()
}

/// Calls `f` without counting tokens. For the drop of a failure, because the tokens in its own
/// error belong to that failure, and not to the error that holds the failure.
pub(crate) fn uncounted<R>(f: impl FnOnce() -> R) -> R {
    let counted = COUNTS.replace(false);
    let result = f();
    COUNTS.set(counted);
    result
}

/// Adds `by` to the tokens of `mark`, if this thread is in `dropped_in`.
fn count(mark: &Arc<Mark>, by: isize) {
    // Nearly always: tokens are counted only while an error is dropped to learn what it carried.
    if !COUNTS.get() {
        return;
    }
    let _gone_in_destructors = BALANCES.try_with(|balances| {
        let mut balances = balances.borrow_mut();
        match balances.iter_mut().find(|(known, _)| Arc::ptr_eq(known, mark)) {
            Some((_, sum)) => *sum += by,
            None => balances.push((Arc::clone(mark), by)),
        }
    });
}

/// Called by every error that holds a token when it prints itself.
pub(crate) fn show() {
    SHOWN.set(true);
}

/// True if an error that holds a token printed itself in `f`, on this thread.
pub(crate) fn is_shown_in(f: impl FnOnce()) -> bool {
    let around = SHOWN.replace(false);
    f();
    SHOWN.replace(around)
}

//! Owns the panic hook that notes where a thread of ours panicked, and its last notes per thread.
//! Refuses to stop or print anything: the hook that was there before runs after it.
//!
//! A payload may go from thread to thread. rayon, for example, raises on the calling thread again
//! what a job has raised on a thread of a pool, and no hook runs for that. So a wait for other code
//! ([`crossing`]) that ends with a panic looks at the notes of the other threads, from the
//! beginning of the wait on.

use std::any::TypeId;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Once, Weak};
use std::time::Instant;
use std::{panic, thread};

use crate::rt::contain::{Payload, text_of};
use crate::sync::local::*;
use crate::sync::locks::Mutex;
use crate::tree::current;

per_thread! {
    /// True if there are notes in `PANICKED_AT`, whose first touch costs the thread an allocation.
    static PANICKED: Cell<bool> = const { Cell::new(false) };
    /// The notes of the last panics, the newest last, `MOST` at most. Written by the hook and by
    /// `crossing`, taken by `place` and `forget`.
    static PANICKED_AT: RefCell<Vec<Arc<PanicNote>>> = const { RefCell::new(Vec::new()) };
}

/// The most notes of one thread. More than one, because a `Drop` that runs while a panic unwinds
/// may raise and catch panics of its own.
const MOST: usize = 4;

/// The notes of all threads. Each lives as long as it is in the `PANICKED_AT` of a thread. Read by
/// `crossing` alone.
static NOTES: Mutex<Vec<Weak<PanicNote>>> = Mutex::new(Vec::new());

/// The hook's note of a panic. The hook cannot see the payload that will be caught, because that is
/// moved into a box later; so type and text have to tell.
struct PanicNote {
    place: String,
    kind: TypeId,
    text: Option<String>,
    /// When the hook ran.
    raised: Instant,
}

impl PanicNote {
    /// True if the payload may be the one that the hook has seen.
    fn fits(&self, payload: &Payload) -> bool {
        self.kind == (**payload).type_id() && self.text.as_deref() == text_of(&**payload)
    }

    /// Makes this the newest note of the calling thread.
    fn keep(self: Arc<Self>) {
        // Fails in the thread's last destructors, where no note is needed.
        let _gone = PANICKED_AT.try_with(|last| {
            let mut last = last.borrow_mut();
            last.push(self);
            let surplus = last.len().saturating_sub(MOST);
            last.drain(..surplus);
        });
        PANICKED.set(true);
    }
}

/// Installs the hook, once in the process, before the hook that is there.
pub(crate) fn note_panics() {
    static INSTALLED: Once = Once::new();
    // A thread that unwinds cannot change the hook, so the next scope will install it.
    if thread::panicking() {
        return;
    }
    INSTALLED.call_once(|| {
        let earlier = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // Threads outside of all scopes pay for no note: no failure will ask for one.
            if let Some(place) = info.location().filter(|_| current::is_managed()) {
                let (kind, text) = (info.payload().type_id(), text_of(info.payload()).map(str::to_owned));
                let note = PanicNote { place: place.to_string(), kind, text, raised: Instant::now() };
                list(Arc::new(note)).keep();
            }
            earlier(info);
        }));
    });
}

/// Returns where the panic was raised whose payload was just caught on this thread. `None` if the
/// hook has not seen it: a panic that is resumed passes the hook by, so all notes are of others.
pub(crate) fn place(payload: &Payload) -> Option<String> {
    take().iter().rev().find(|note| note.fits(payload)).map(|note| note.place.clone())
}

/// Runs `f`, in which the calling thread waits for other code of the program's. If `f` panics with
/// what another thread has raised meanwhile, the note of that thread becomes the note of this one.
pub(crate) fn crossing<R>(f: impl FnOnce() -> R) -> R {
    let began = Instant::now();
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|payload| {
        // The panic goes on, and `place` is asked for it further out. So put the note that fits
        // back: the newest of this thread, else one of another thread, which the wait was for.
        let own = take();
        let fitting = || own.iter().rev().find(|note| note.fits(&payload)).cloned();
        let newest = own.last().filter(|note| note.fits(&payload)).cloned();
        let found = newest.or_else(|| raised_elsewhere(&payload, began)).or_else(fitting);
        found.into_iter().for_each(PanicNote::keep);
        resume_unwind(payload)
    })
}

/// The note of another thread that fits. `None` if there are several, which disagree about the
/// place.
fn raised_elsewhere(payload: &Payload, since: Instant) -> Option<Arc<PanicNote>> {
    let notes: Vec<_> = NOTES.lock().iter().filter_map(Weak::upgrade).collect();
    let mut fit = notes.into_iter().filter(|note| note.raised >= since && note.fits(payload));
    let first = fit.next()?;
    fit.all(|other| other.place == first.place).then_some(first)
}

/// Puts a note on the list of all threads, and takes those off it that no thread keeps any more.
fn list(note: Arc<PanicNote>) -> Arc<PanicNote> {
    let mut notes = NOTES.lock();
    notes.retain(|note| note.strong_count() > 0);
    notes.push(Arc::downgrade(&note));
    note
}

/// Takes the notes of the calling thread.
fn take() -> Vec<Arc<PanicNote>> {
    // Most threads never panic, and so never touch `PANICKED_AT`.
    if !PANICKED.replace(false) {
        return Vec::new();
    }
    PANICKED_AT.try_with(RefCell::take).unwrap_or_default()
}

/// Drops the notes when a closure is over, because the next one on the same OS thread must not
/// find it.
pub(crate) fn forget() {
    drop(take());
}

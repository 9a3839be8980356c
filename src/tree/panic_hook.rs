//! Owns the panic hook that notes where a thread of ours panicked, and its last note per thread.
//! Refuses to stop or print anything: the hook that was there before runs after it.

use std::any::TypeId;
use std::cell::{Cell, RefCell};
use std::sync::Once;
use std::{panic, thread};

use crate::rt::contain::{Payload, text_of};
use crate::sync::local::*;
use crate::tree::current;

per_thread! {
    /// True if there is a note in `PANICKED_AT`, whose first touch costs the thread an allocation.
    static PANICKED: Cell<bool> = const { Cell::new(false) };
    /// The note of the last panic. Written by the hook, taken by `place` and `forget`.
    static PANICKED_AT: RefCell<Option<PanicNote>> = const { RefCell::new(None) };
}

/// The hook's note of a panic. The hook cannot see the payload that will be caught, because that is
/// moved into a box later; so type and text have to tell.
struct PanicNote {
    place: String,
    kind: TypeId,
    text: Option<String>,
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
            if let Some(place) = info.location().filter(|_| current::is_managed()) {
                let (kind, text) = (info.payload().type_id(), text_of(info.payload()).map(str::to_owned));
                let seen = PanicNote { place: place.to_string(), kind, text };
                // Fails in the thread's last destructors, where no note is needed.
                let _gone = PANICKED_AT.try_with(|last| last.replace(Some(seen)));
                PANICKED.set(true);
            }
            earlier(info);
        }));
    });
}

/// Returns where the panic was raised whose payload was just caught on this thread. `None` if the
/// hook has not seen it: a panic that is resumed passes the hook by, so the last note is another's.
pub(crate) fn place(payload: &Payload) -> Option<String> {
    let seen = take()?;
    let same = seen.kind == (**payload).type_id() && seen.text.as_deref() == text_of(&**payload);
    same.then_some(seen.place)
}

/// Takes the last note.
fn take() -> Option<PanicNote> {
    if !PANICKED.replace(false) {
        return None;
    }
    PANICKED_AT.try_with(RefCell::take).ok().flatten()
}

/// Drops the last note when a job is over, because the next job must not find it.
pub(crate) fn forget() {
    let _nobody = take();
}

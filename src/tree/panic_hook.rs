//! Owns the hook that notes where a thread of ours panicked, and what it noted last on the calling
//! thread.
//! Refuses to stop or print anything: the hook that was there before runs after it.

use std::any::TypeId;
use std::cell::{Cell, RefCell};
use std::sync::Once;
use std::{panic, thread};

use crate::rt::contain::{Payload, text_of};
use crate::sync::local::*;
use crate::tree::current;

per_thread! {
    /// There is something in `PANICKED_AT`, which costs the thread an allocation when it is touched.
    static PANICKED: Cell<bool> = const { Cell::new(false) };
    static PANICKED_AT: RefCell<Option<Seen>> = const { RefCell::new(None) };
}

/// What the hook saw of a panic. It is not the payload that is caught, which is moved into a box later.
struct Seen {
    place: String,
    kind: TypeId,
    text: Option<String>,
}

/// Installs, once in the process, a hook before the one that is there: it notes where a managed thread panicked.
pub(crate) fn note_panics() {
    static INSTALLED: Once = Once::new();
    // The hook cannot be changed by a thread that unwinds: the next scope will do it.
    if thread::panicking() {
        return;
    }
    INSTALLED.call_once(|| {
        let earlier = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if let Some(place) = info.location().filter(|_| current::is_managed()) {
                let (kind, text) = (info.payload().type_id(), text_of(info.payload()).map(str::to_owned));
                let seen = Seen { place: place.to_string(), kind, text };
                let _gone = PANICKED_AT.try_with(|last| last.replace(Some(seen)));
                PANICKED.set(true);
            }
            earlier(info);
        }));
    });
}

/// Where the panic was raised that was just caught on this thread with this payload. `None` if the hook has not seen it: one that is
/// resumed passes it by, and then what it saw last was another.
pub(crate) fn place(payload: &Payload) -> Option<String> {
    let seen = take()?;
    let same = seen.kind == (**payload).type_id() && seen.text.as_deref() == text_of(&**payload);
    same.then_some(seen.place)
}

fn take() -> Option<Seen> {
    if !PANICKED.replace(false) {
        return None;
    }
    PANICKED_AT.try_with(RefCell::take).ok().flatten()
}

/// A job is over: the thread's last panic is nobody's.
pub(crate) fn forget() {
    let _nobody = take();
}

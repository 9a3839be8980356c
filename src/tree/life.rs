//! Owns how far a thread has come, and what it says of itself: the data under the lock `life` of
//! its record.
//! Refuses to lock, and to act: `result_state`, `readiness` and `on_done` own the transitions.

use std::sync::Arc;
use std::time::Instant;

use crate::outcome::report::shutdown::{Ending, HeldBy};
use crate::outcome::status::id::ThreadId;
use crate::rt::by_id::ById;
use crate::stop::callback::Callback;
use crate::tree::readiness::Readiness;
use crate::tree::result_state::ResultState;
use crate::tree::text::Text;

/// Takes the id of a thread that has ended; no code of the program's. A pointer, because most
/// programs have no set of threads that takes ids.
pub(crate) type Inbox = Arc<dyn Fn(ThreadId) + Send + Sync>;

/// What follows when the thread has ended; see `on_done`.
#[derive(Default)]
pub(crate) struct Sequel {
    /// Gets the thread's id. Set before the thread is started, taken out by `tell_sequel`.
    pub(crate) inbox: Option<Inbox>,
    /// Set by the ending thread: no callback is taken in any more. A later one waits for `done`,
    /// which is near, and runs on the thread that registers it.
    pub(crate) closed: bool,
    /// Made for the first of them.
    pub(crate) callbacks: Option<Box<ById<Arc<Callback>>>>,
}

/// How far the thread has come; under the lock `life`.
#[derive(Default)]
pub(crate) struct Life {
    /// When the closure was over, on the clock of `awake`. Written by `results::end`.
    pub(crate) ended_at: Option<Instant>,
    /// When a driver marked it overdue, on the same clock. Read by views, reports and `due`.
    pub(crate) overdue_since: Option<Instant>,
    pub(crate) ending: Option<Ending>,
    /// Where the result is, and which side gets it: see `result_state`.
    pub(crate) result: ResultState,
    /// The thread has reported a failure and gone on (A7), so its row says *failed*.
    pub(crate) failed: bool,
    pub(crate) sequel: Sequel,
    /// Made when the thread first says what it is at, because most threads never do.
    pub(crate) now: Option<Box<Now>>,
    /// Whether the thread has said that it is ready: see `readiness`.
    pub(crate) readiness: Readiness,
    /// The thread or scope of the last wait that ended after the thread was told to stop. Written
    /// by `WaitMark`, read by reports. As ids and text, because a scope holds the thread of its
    /// body.
    pub(crate) held_by: Option<Box<HeldBy>>,
}

/// What the thread is at.
#[derive(Default)]
pub(crate) struct Now {
    /// In its own words (A8).
    pub(crate) note: Option<Text>,
    /// The item of a map, from 0. Written by its worker.
    pub(crate) item: Option<usize>,
}

impl Life {
    /// The note, and the item of a map in words.
    pub(crate) fn notes(&self) -> [Option<String>; 2] {
        let note = self.now.as_ref().and_then(|now| now.note.as_deref().map(str::to_owned));
        [note, self.now.as_ref().and_then(|now| now.item.map(|item| format!("item {item}")))]
    }

    /// Sets the note, and returns the note before.
    pub(crate) fn set_note(&mut self, note: Option<Text>) -> Option<Text> {
        match &mut self.now {
            Some(now) => std::mem::replace(&mut now.note, note),
            now => {
                *now = note.map(|note| Box::new(Now { note: Some(note), item: None }));
                None
            }
        }
    }

    /// Sets the item, takes the note that was made at the item before, and returns that note.
    pub(crate) fn set_item(&mut self, item: Option<usize>) -> Option<Text> {
        match &mut self.now {
            Some(now) => {
                now.item = item;
                now.note.take()
            }
            now => {
                *now = item.map(|item| Box::new(Now { note: None, item: Some(item) }));
                None
            }
        }
    }
}

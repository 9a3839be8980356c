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

/// How far the thread has come; under the lock `life`.
#[derive(Default)]
pub(crate) struct Life {
    /// When the closure was over, on the clock of `awake`. Written by `results::end`.
    pub(crate) ended_at: Option<Instant>,
    pub(crate) ending: Option<Ending>,
    /// Where the result is, and which side gets it: see `result_state`.
    pub(crate) result: ResultState,
    /// The thread has reported a failure and gone on (A7), so its row says *failed*.
    pub(crate) failed: bool,
    /// Gets the thread's id. Set before the thread is started, taken out by `tell_sequel`.
    pub(crate) inbox: Option<Inbox>,
    /// Set by the ending thread: no callback is taken in any more. A later one waits for `done`,
    /// which is near, and runs on the thread that registers it.
    pub(crate) closed: bool,
    /// Made for the first of these facts, because most threads have none of them: a program may
    /// have ten thousand threads.
    rare: Option<Box<Rare>>,
}

/// The facts that few threads have.
#[derive(Default)]
pub(crate) struct Rare {
    /// When a driver marked it overdue, on the clock of `awake`. Read by views, reports and `due`.
    pub(crate) overdue_since: Option<Instant>,
    /// The thread or scope of the last wait that ended after the thread was told to stop. Written
    /// by `WaitMark`, read by reports. As ids and text, because a scope holds the thread of its
    /// body.
    pub(crate) held_by: Option<HeldBy>,
    /// What follows when the thread has ended; see `on_done`.
    pub(crate) callbacks: ById<Arc<Callback>>,
    /// Whether the thread has said that it is ready: see `readiness`.
    pub(crate) readiness: Readiness,
    now: Now,
}

/// What the thread is at.
#[derive(Default)]
pub(crate) struct Now {
    /// In its own words (A8).
    note: Option<Text>,
    /// The item of a map, from 0. Written by its worker.
    item: Option<usize>,
}

impl Life {
    pub(crate) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub(crate) fn overdue_since(&self) -> Option<Instant> {
        self.rare.as_ref()?.overdue_since
    }

    pub(crate) fn held_by(&self) -> Option<&HeldBy> {
        self.rare.as_ref()?.held_by.as_ref()
    }

    /// `None` for a thread for which no starter has waited.
    pub(crate) fn readiness(&self) -> Option<&Readiness> {
        self.rare.as_ref().map(|rare| &rare.readiness)
    }

    pub(crate) fn has_callbacks(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| !rare.callbacks.is_empty())
    }

    pub(crate) fn take_callbacks(&mut self) -> ById<Arc<Callback>> {
        self.rare.as_mut().map(|rare| std::mem::take(&mut rare.callbacks)).unwrap_or_default()
    }

    /// The note, and the item of a map in words.
    pub(crate) fn notes(&self) -> [Option<String>; 2] {
        let Some(Now { note, item }) = self.rare.as_ref().map(|rare| &rare.now) else { return [None, None] };
        [note.as_deref().map(str::to_owned), item.map(|item| format!("item {item}"))]
    }

    /// Sets the note. Returns the one before, to be dropped when the lock is free.
    pub(crate) fn set_note(&mut self, note: Option<Text>) -> Option<Text> {
        std::mem::replace(&mut self.rare().now.note, note)
    }

    /// Sets the item of a map. The note was about the item before, so it goes: it is returned, to
    /// be dropped when the lock is free.
    pub(crate) fn set_item(&mut self, item: Option<usize>) -> Option<Text> {
        let now = &mut self.rare().now;
        now.item = item;
        now.note.take()
    }

    /// Sets what the thread is at. Returns what it was at, to be dropped when the lock is free.
    pub(crate) fn set_now(&mut self, now: Now) -> Now {
        match &mut self.rare {
            Some(rare) => std::mem::replace(&mut rare.now, now),
            // There was no note or item before, and there is none now, so make no box.
            None if now.note.is_none() && now.item.is_none() => now,
            rare => {
                rare.get_or_insert_default().now = now;
                Now::default()
            }
        }
    }
}

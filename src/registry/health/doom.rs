//! Owns the end of the process because a thread is stuck (`OnStuck::Exit`): *stopper* pronounces
//! it, *watch* carries it out.
//! Refuses to wait for *stopper*: if the subscriber hangs in the line about the thread, *watch*
//! ends the process all the same, and if *watch* hangs, the kernel's timer does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;

use crate::registry::settings::SPARE;
use crate::registry::waker::Waker;
use crate::rt::shown::Shown;
use crate::rt::time::after;
use crate::stop::calls::Calls;
use crate::sys::last::{self, End};
use crate::tree::record::Record;

/// The longest time for the line about the stuck thread.
const LINE: Duration = Duration::from_millis(500);

/// Written by *stopper*, read by *watch*.
#[derive(Default)]
pub(crate) struct Doom {
    /// Written once: of several stuck threads the first counts.
    word: OnceCell<Word>,
    /// Set when the line was logged.
    is_told: Arc<AtomicBool>,
}

/// How the process ends, when at the latest, and the words on top of the dump.
pub(crate) struct Word {
    pub(crate) end: End,
    at: Instant,
    pub(crate) why: String,
}

impl Doom {
    /// Called by *stopper* before the line about the thread. The kernel's timer first, then the
    /// word, then the wake-up. Pairs with `due` and `passed`. Returns a call for after the line.
    pub(crate) fn pronounce(&self, record: &Record, code: u8, waker: &Arc<Waker>) -> Calls {
        let (now, end) = (Instant::now(), End::Exit(i32::from(code)));
        // `SPARE` later than *watch*, so that the timer comes only if *watch* hangs.
        last::arm(after(now, LINE + SPARE), end);
        let why = format!("{} is stuck", Shown(record.path()));
        let _another_was_first = self.word.set(Word { end, at: after(now, LINE), why });
        waker.wake();
        let (is_told, waker) = (Arc::clone(&self.is_told), Arc::clone(waker));
        Calls::log(move || {
            // The flag first: *watch* looks at it after it is woken. Pairs with `passed`.
            is_told.store(true, Ordering::Release);
            waker.wake();
        })
    }

    /// For *watch*: when to look again without a wake-up, by the clock of the system.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.word.get().map(|word| word.at)
    }

    /// For *watch*: the word, if the process is to end now.
    pub(crate) fn passed(&self) -> Option<&Word> {
        let word = self.word.get()?;
        (self.is_told.load(Ordering::Acquire) || Instant::now() >= word.at).then_some(word)
    }
}

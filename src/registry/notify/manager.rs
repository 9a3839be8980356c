//! Owns the messages to the service manager that are due and not sent yet, and their order.
//! Refuses to wait: a message for which the manager has no room stays due, and *watch* tries again.
//!
//! Any thread may say a word. One thread at a time sends, and takes the words that are due one by
//! one, each time the first of `ORDER`. A thread that finds another one sending may leave its word
//! to that one: it sets the bit first and looks for the sender then, and a sender looks at the bits
//! again after it has left. So at least one of the two sends the word.
//!
//! ```text
//! silent --say--> due --take_first--> taken --(sent)--> silent
//!                  ^                    |
//!                  +--(no room) put_back+
//! ```
//!
//! **The manager is never left with the wrong word.** To be due and to have been said are bits of
//! one word of memory, so that nothing is said after `STOPPING`. The end of a reload is never sent
//! while the beginning of a later one is due: `RELOADING` takes a `RELOADED` away that was not
//! sent, and the sender never takes `RELOADED` before it.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::thread::yield_now;
use std::time::Duration;

use crate::registry::notify::setting::Notify;
use crate::rt::contain::log_contained;
use crate::rt::shown::Shown;
use crate::stop::calls::Calls;
use crate::sync::locks::Mutex;
use crate::sys::datagram::{Datagrams, Sent};
use crate::sys::monotonic;
use crate::tree::text::Text;

/// Words without a text of the program's, a bit each.
pub(crate) const READY: u32 = 1;
const RELOADING: u32 = 2;
/// The end of a reload. The manager hears the same as for `READY`.
const RELOADED: u32 = 4;
pub(crate) const STOPPING: u32 = 8;

/// The order in which words that are due at the same time are sent: as in a program's life.
const ORDER: [u32; 4] = [READY, RELOADING, RELOADED, STOPPING];

/// In `Manager::words`: a word that is due is a bit below this one, and a word that was said at
/// least once is as many bits above.
const SAID: u32 = 16;
/// The bits of words that are due.
const DUE: u32 = (1 << SAID) - 1;

/// In `Manager::refusal`. Numbers of refusals are above both.
const NONE: i32 = 0;
const LOGGED: i32 = -1;

/// How often a thread with a word that is due looks whether another thread has sent the word.
const GLANCES: u32 = 1_000;

/// The number of bytes of a status. A longer one is cut, because a manager cuts or refuses it.
const LONGEST_STATUS: usize = 900;
/// Room for each of the other messages.
const SHORT: usize = 64;

/// The service manager of a run.
pub(crate) struct Manager {
    socket: Datagrams,
    pub(crate) watchdog: Option<Duration>,
    /// Words that are due, and words that were said: see `SAID`. Written by `say`, and by the
    /// thread that sends.
    words: AtomicU32,
    /// True while a thread sends. Pairs with `words`, see the header.
    is_sending: AtomicBool,
    /// When the reload began that is to be told, in microseconds of the monotonic clock.
    reload_began: AtomicU64,
    /// The number of reloads under way.
    reloads: Mutex<u32>,
    status: Mutex<Status>,
    /// The number of the system's first refusal of a message; `NONE` before, and `LOGGED` once it
    /// is taken for the log.
    refusal: AtomicI32,
}

/// The text for a person.
#[derive(Default)]
struct Status {
    program: Option<Text>,
    /// Of the stop: which threads are waited for.
    waits: Option<String>,
    /// True if the manager had no room for it.
    is_due: bool,
}

/// Whether all that is due was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "if there was no room, only *watch* tries again, and has to be woken for that"]
pub(crate) enum Told {
    All,
    /// The manager has no room: try again later.
    Later,
}

impl Manager {
    /// `None` if there is no manager to tell.
    ///
    /// # Errors
    /// The address cannot be used.
    pub(crate) fn open(notify: &Notify) -> io::Result<Option<Manager>> {
        let Some(address) = &notify.socket else { return Ok(None) };
        let with_address =
            |error: io::Error| io::Error::new(error.kind(), format!("NOTIFY_SOCKET={address:?}: {error}"));
        let socket = Datagrams::open(address.as_encoded_bytes()).map_err(with_address)?;
        Ok(Some(Manager {
            socket,
            watchdog: notify.watchdog,
            words: AtomicU32::new(0),
            is_sending: AtomicBool::new(false),
            reload_began: AtomicU64::new(0),
            reloads: Mutex::default(),
            status: Mutex::default(),
            refusal: AtomicI32::new(NONE),
        }))
    }

    /// Says a word, as far as it is to be said (`words_after`). Neither locks nor allocates.
    pub(crate) fn say(&self, word: u32) -> Told {
        let _not_to_be_said = self.change(|words| words_after(words, word));
        self.send_due()
    }

    /// True if the program is ready, and not stopping.
    fn is_ready(&self) -> bool {
        let said = self.words.load(Ordering::SeqCst) >> SAID;
        said & (READY | STOPPING) == READY
    }

    /// Sends the words that are due, or lets another thread that is sending do so. Neither locks
    /// nor allocates.
    pub(crate) fn send_due(&self) -> Told {
        let mut glances = 0;
        loop {
            if self.words.load(Ordering::SeqCst) & DUE == 0 {
                return Told::All;
            }
            // After the bit of the word was set. Pairs with the `store` below.
            if self.is_sending.swap(true, Ordering::SeqCst) {
                // A message is on its way in microseconds, so that the caller's word is sent when
                // the caller goes on; unless the sender gets no processor.
                if glances == GLANCES {
                    return Told::All;
                }
                glances += 1;
                yield_now();
                continue;
            }
            let told = self.send_words();
            // Before the next look at `words`. Pairs with the `swap` above.
            self.is_sending.store(false, Ordering::SeqCst);
            if told == Told::Later {
                return Told::Later;
            }
            // Round again: a word may have come after the last look.
        }
    }

    fn send_words(&self) -> Told {
        while let Some(word) = self.take_first() {
            let told = match word {
                STOPPING => self.send(b"STOPPING=1"),
                RELOADING => {
                    let began = self.reload_began.load(Ordering::SeqCst);
                    self.send_short(format_args!("RELOADING=1\nMONOTONIC_USEC={began}"))
                }
                _ready_or_reloaded => self.send(b"READY=1"),
            };
            if told == Told::Later {
                self.put_back(word);
                return Told::Later;
            }
        }
        Told::All
    }

    /// Due -> taken, before the word is sent, so that a word that is said again meanwhile is sent
    /// again.
    fn take_first(&self) -> Option<u32> {
        let mut first = None;
        let _none_is_due = self.change(|words| {
            first = ORDER.into_iter().find(|word| words & word != 0);
            first.map(|word| words & !word)
        });
        first
    }

    /// Taken -> due, because the manager had no room for it. A reload that has begun meanwhile
    /// takes the place of the end of the one before.
    fn put_back(&self, word: u32) {
        let is_old = |words: u32| word == RELOADED && words & RELOADING != 0;
        let _is_old = self.change(|words| (!is_old(words)).then_some(words | word));
    }

    /// Changes the words in one step, if `change` returns new ones. `SeqCst` here and at
    /// `is_sending`: a thread writes one of the two and then reads the other, and of two such
    /// threads at least one must see what the other has written.
    fn change(&self, change: impl FnMut(u32) -> Option<u32>) -> Result<u32, u32> {
        self.words.fetch_update(Ordering::SeqCst, Ordering::SeqCst, change)
    }

    /// Says how long the manager has to wait at most. Neither locks nor allocates.
    pub(crate) fn extend(&self, left: Duration) -> Told {
        self.send_short(format_args!("EXTEND_TIMEOUT_USEC={}", left.as_micros()))
    }

    /// The last words of a process that is ended by force, which may take `left` to write. Neither
    /// locks nor allocates.
    pub(crate) fn say_last(&self, left: Duration) {
        // First, because these words are older, and because `STOPPING` may be among them.
        let _there_is_no_later = self.send_due();
        let _there_is_no_later = self.extend(left);
        let _there_is_no_later = self.send(b"STATUS=ended by force: threads are not home");
    }

    /// A sign of life, which is dropped if there is no room for it. Neither locks nor allocates.
    pub(crate) fn is_alive(&self) {
        let _the_next_one_comes_soon = self.send(b"WATCHDOG=1");
    }

    /// Begins a reload. `None` if it is not to be told, because the program is not ready yet, or is
    /// stopping: a `READY=1` after it would be untrue.
    pub(crate) fn begin_reload(&self) -> Option<Told> {
        if !self.is_ready() {
            return None;
        }
        let mut reloads = self.reloads.lock();
        *reloads += 1;
        // The manager already knows that a reload is under way.
        if *reloads > 1 {
            return Some(self.send_due());
        }
        // Before the word is due, because the thread that sends the word reads this.
        self.reload_began.store(monotonic() / 1_000, Ordering::SeqCst);
        Some(self.say(RELOADING))
    }

    /// Ends a reload that was begun.
    pub(crate) fn end_reload(&self) -> Told {
        let mut reloads = self.reloads.lock();
        *reloads -= 1;
        if *reloads == 0 { self.say(RELOADED) } else { self.send_due() }
    }

    /// Sets the status of the program, and sends it.
    pub(crate) fn set_status(&self, text: Text) -> Told {
        let mut status = self.status.lock();
        status.program = Some(text);
        self.send_status(&mut status)
    }

    /// Sets the status of the stop, and sends it if it is a new one.
    pub(crate) fn set_waits(&self, text: Option<String>) -> Told {
        let mut status = self.status.lock();
        if !status.is_due && status.waits == text {
            return Told::All;
        }
        status.waits = text;
        self.send_status(&mut status)
    }

    /// True if the manager had no room for the last status. False if another thread is about to
    /// send one: that thread wakes *watch* if there is no room for it. Does not wait.
    pub(crate) fn is_status_due(&self) -> bool {
        self.status.try_lock().is_some_and(|status| status.is_due)
    }

    /// True if the system has refused a message, and that was not taken for the log yet.
    pub(crate) fn has_refusal(&self) -> bool {
        self.refusal.load(Ordering::Relaxed) > NONE
    }

    /// Takes the first refusal, once.
    pub(crate) fn take_refusal(&self) -> Option<io::Error> {
        // In one step, because two threads may take it at the same time.
        let taken = self
            .refusal
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |number| (number > NONE).then_some(LOGGED));
        taken.ok().map(io::Error::from_raw_os_error)
    }

    /// The lock is held while the text is sent, so that the last status that was set is the last
    /// one sent.
    fn send_status(&self, status: &mut Status) -> Told {
        let parts =
            [status.waits.as_deref().map(Cow::Borrowed), status.program.as_deref().map(Cow::Borrowed)];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        let mut text = format!("STATUS={}", Shown(parts.join("; ")));
        let end = (0..=LONGEST_STATUS.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or_default());
        let told = self.send(text.as_bytes());
        status.is_due = told == Told::Later;
        told
    }

    fn send_short(&self, text: std::fmt::Arguments<'_>) -> Told {
        let mut bytes = [0_u8; SHORT];
        let mut rest = &mut bytes[..];
        let _fits = rest.write_fmt(text);
        let unused = rest.len();
        self.send(bytes.get(..SHORT - unused).unwrap_or_default())
    }

    fn send(&self, text: &[u8]) -> Told {
        match self.socket.send(text) {
            Sent::Full => Told::Later,
            Sent::Taken => Told::All,
            // `All`, because to try again is of no use. `Relaxed`: the number stands for itself.
            Sent::Refused(error) => {
                let number = error.raw_os_error();
                let _only_the_first =
                    self.refusal.compare_exchange(NONE, number, Ordering::Relaxed, Ordering::Relaxed);
                Told::All
            }
        }
    }
}

/// A run that cannot tell its manager goes on, because the manager decides what follows.
pub(crate) fn not_told(error: io::Error) -> Calls {
    Calls::log(move || {
        log_contained(
            || tracing::warn!(target: "homebound::host", %error, "the service manager is not told anything"),
        );
    })
}

/// The words after `word` was said. `None` if it is not to be said: no word after `STOPPING`, and
/// `READY` once.
fn words_after(words: u32, word: u32) -> Option<u32> {
    let said = words >> SAID;
    if said & (STOPPING | (word & READY)) != 0 {
        return None;
    }
    // Due -> silent: the manager has not heard of the end of the reload before.
    let superseded = if word == RELOADING { RELOADED } else { 0 };
    // Silent -> due.
    Some((words & !superseded) | word | word << SAID)
}

//! Owns the messages to the service manager that are due and not sent yet, and their order.
//! Refuses to wait: a message for which the manager has no room stays due, and *watch* tries again.
//!
//! Any thread may say a word. One thread at a time sends, and takes all words that are due, in the
//! order of `ORDER`. A thread that finds another one sending leaves its word to that one: it sets
//! the bit first and looks for the sender then, and a sender looks at the bits again after it has
//! left. So at least one of the two sends the word.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::registry::notify::setting::Notify;
use crate::rt::contain::log_contained;
use crate::rt::shown::Shown;
use crate::stop::wakeups::Calls;
use crate::sync::locks::Mutex;
use crate::sys::datagram::{Datagrams, Sent};
use crate::sys::monotonic;
use crate::tree::record::Text;

/// Words without a text of the program's, a bit each.
pub(crate) const RELOADING: u32 = 1;
pub(crate) const READY: u32 = 2;
pub(crate) const STOPPING: u32 = 4;

/// The order in which words that are due at the same time are sent: that of a program's life.
const ORDER: [u32; 3] = [RELOADING, READY, STOPPING];

/// In `Manager::refusal`. Numbers of refusals are above both.
const NONE: i32 = 0;
const LOGGED: i32 = -1;

/// The number of bytes of a status. A longer one is cut, because a manager cuts or refuses it.
const LONGEST_STATUS: usize = 900;
/// Room for each of the other messages.
const SHORT: usize = 64;

/// The service manager of a run.
pub(crate) struct Manager {
    socket: Datagrams,
    pub(crate) watchdog: Option<Duration>,
    /// Words to send. Set by `say`, taken by the thread that sends.
    due: AtomicU32,
    /// Words that were said at least once, so that `READY` and `STOPPING` are said once.
    said: AtomicU32,
    /// True while a thread sends. Pairs with `due`, see the header.
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
            due: AtomicU32::new(0),
            said: AtomicU32::new(0),
            is_sending: AtomicBool::new(false),
            reload_began: AtomicU64::new(0),
            reloads: Mutex::default(),
            status: Mutex::default(),
            refusal: AtomicI32::new(NONE),
        }))
    }

    /// Says that the program is ready, or is stopping: the first time, and ready only before the
    /// stop. Neither locks nor allocates.
    pub(crate) fn say_once(&self, word: u32) -> Told {
        let before = self.said.fetch_or(word, Ordering::SeqCst);
        if before & (word | STOPPING) != 0 { self.send_due() } else { self.say(word) }
    }

    fn say(&self, word: u32) -> Told {
        self.due.fetch_or(word, Ordering::SeqCst);
        self.send_due()
    }

    /// Sends the words that are due. Neither locks nor allocates.
    pub(crate) fn send_due(&self) -> Told {
        loop {
            if self.due.load(Ordering::SeqCst) == 0 || self.is_sending.swap(true, Ordering::SeqCst) {
                return Told::All;
            }
            let told = ORDER.into_iter().try_for_each(|word| self.send_word(word));
            self.is_sending.store(false, Ordering::SeqCst);
            if told.is_err() {
                return Told::Later;
            }
            // Round again: a word may have come after it was looked for.
        }
    }

    fn send_word(&self, word: u32) -> Result<(), Told> {
        // Due -> taken, before it is sent, so that a word that is said again meanwhile is sent
        // again.
        if self.due.fetch_and(!word, Ordering::SeqCst) & word == 0 {
            return Ok(());
        }
        let sent = match word {
            READY => self.send(b"READY=1"),
            STOPPING => self.send(b"STOPPING=1"),
            _ => {
                let began = self.reload_began.load(Ordering::SeqCst);
                self.send_short(format_args!("RELOADING=1\nMONOTONIC_USEC={began}"))
            }
        };
        if sent == Told::Later {
            // Taken -> due.
            self.due.fetch_or(word, Ordering::SeqCst);
            return Err(Told::Later);
        }
        Ok(())
    }

    /// Says how long the manager has to wait at most. Neither locks nor allocates.
    pub(crate) fn extend(&self, left: Duration) -> Told {
        self.send_short(format_args!("EXTEND_TIMEOUT_USEC={}", left.as_micros()))
    }

    /// The last words of a process that is ended by force, which may take `left` to write. Neither
    /// locks nor allocates.
    pub(crate) fn say_last(&self, left: Duration) {
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
        let said = self.said.load(Ordering::SeqCst);
        if said & READY == 0 || said & STOPPING != 0 {
            return None;
        }
        let mut reloads = self.reloads.lock();
        *reloads += 1;
        Some(if *reloads == 1 {
            self.reload_began.store(monotonic() / 1_000, Ordering::SeqCst);
            self.say(RELOADING)
        } else {
            self.send_due()
        })
    }

    /// Ends a reload that was begun.
    pub(crate) fn end_reload(&self) -> Told {
        let mut reloads = self.reloads.lock();
        *reloads -= 1;
        let is_over = *reloads == 0 && self.said.load(Ordering::SeqCst) & STOPPING == 0;
        if is_over { self.say(READY) } else { self.send_due() }
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
        let number = self.refusal.load(Ordering::Relaxed);
        (number > NONE).then(|| {
            self.refusal.store(LOGGED, Ordering::Relaxed);
            io::Error::from_raw_os_error(number)
        })
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
            // To try again is of no use.
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

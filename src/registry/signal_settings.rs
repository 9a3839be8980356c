//! Owns the settings `Signals` and `SecondSignal`: which OS signals a registry takes, and the
//! meaning of each.
//! Refuses to install a handler and to act on a signal. `sys::handlers` has the handler
//! (`on_signal`), `watch_thread` acts first (`heard`, `stop`), then `stopper_thread` (`answer`).

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use crossbeam_channel::Sender;

use crate::outcome::reason::signal_text;
use crate::sys;
use crate::tree::root::LogEntry;

/// The signals that a registry takes. By default SIGINT, SIGTERM and SIGHUP stop the program, and
/// SIGQUIT prints the dump (unix; none elsewhere). A signal that was ignored when the process
/// started, as by `nohup`, stays ignored.
///
/// ```
/// use homebound::{Registry, Signals};
///
/// // A signal handler of another library stays: take no signal at all.
/// let exit = Registry::new("plugin").signals(Signals::none()).run(|_| Ok(()));
/// ```
#[derive(Debug, Clone)]
pub struct Signals {
    /// Each signal once.
    taken: Vec<(i32, Meaning)>,
}

/// The effect of a signal.
#[derive(Debug, Clone)]
pub(crate) enum Meaning {
    /// The first stops the root, the second ends the process.
    Stop,
    /// Prints the dump.
    Dump,
    /// Goes over the channel, and has no other effect.
    Forward(Outlet),
}

/// The channel of a signal. Behind a pointer, so that a program that forwards no signal has no code
/// for it.
#[derive(Clone)]
pub(crate) struct Outlet(Arc<dyn Fn(i32) -> LogEntry + Send + Sync + UnwindSafe + RefUnwindSafe>);

impl Outlet {
    fn new(to: Sender<i32>) -> Outlet {
        // Never blocks on a full channel, because signals behind this one would wait, too.
        Outlet(Arc::new(move |number| match to.try_send(number) {
            Ok(()) => LogEntry::Forwarded(number),
            Err(error) => LogEntry::Lost(number, error.is_full()),
        }))
    }

    /// Sends the number of a signal. Returns the entry of the log about it.
    pub(crate) fn send(&self, number: i32) -> LogEntry {
        (self.0)(number)
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet").finish_non_exhaustive()
    }
}

impl Default for Signals {
    fn default() -> Signals {
        let mut signals = Signals::none();
        for number in sys::stop_signals() {
            signals.take(number, Meaning::Stop);
        }
        for number in sys::dump_signals() {
            signals.take(number, Meaning::Dump);
        }
        signals
    }
}

impl Signals {
    /// Takes no signal: each signal does what it would do without homebound.
    pub fn none() -> Signals {
        Signals { taken: Vec::new() }
    }

    /// Leaves this signal alone: it does what it would do without homebound, and a handler that is
    /// there stays.
    pub fn without(mut self, number: i32) -> Signals {
        self.taken.retain(|(taken, _)| *taken != number);
        self
    }

    /// Sends the number of this signal over a channel during the run, instead of its usual effect:
    /// for a reload on SIGHUP, say. The signal stops nothing, and during a stop it does not count
    /// as a second signal.
    ///
    /// The sending never blocks. A signal that finds the channel full is lost, with a warning of
    /// `tracing`; a signal that finds no receiver does nothing. Two signals of a kind in short
    /// succession may arrive as one (signal(7)). So a channel for one kind of signal needs one
    /// place: a message in it says "at least once since you looked". Give different kinds a channel
    /// each.
    ///
    /// The run refuses, with the reason, a number that is no signal, and signals that no program
    /// can turn into a message: SIGKILL and SIGSTOP, which cannot be handled; SIGSEGV, SIGBUS,
    /// SIGFPE, SIGILL, SIGTRAP, SIGSYS and SIGPIPE, which tell a thread about its own last
    /// instruction or call; SIGABRT; and the signals that the C library uses itself.
    ///
    /// ```no_run
    /// use homebound::{Exit, Registry, Signals};
    ///
    /// fn main() -> Exit<()> {
    ///     let (reload, reloads) = crossbeam_channel::bounded(1);
    ///     let signals = Signals::default().forward(libc::SIGHUP, reload);
    ///     Registry::new("daemon").signals(signals).run(|scope| {
    ///         for _ in scope.context().iter(&reloads) {
    ///             println!("reads its settings again");
    ///         }
    ///         Ok(()) // stopped, by SIGTERM or Ctrl-C
    ///     })
    /// }
    /// ```
    pub fn forward(mut self, number: i32, to: Sender<i32>) -> Signals {
        self.take(number, Meaning::Forward(Outlet::new(to)));
        self
    }

    fn take(&mut self, number: i32, meaning: Meaning) {
        // One meaning for each number: the last call holds.
        self.taken.retain(|(taken, _)| *taken != number);
        self.taken.push((number, meaning));
    }

    /// Returns the signals to install a handler for. A signal that is ignored now is left out,
    /// because the process was started so on purpose, unless the program asked for it by `forward`.
    pub(crate) fn wanted(&self) -> Vec<i32> {
        let asked = |meaning: &Meaning| matches!(meaning, Meaning::Forward(_));
        // A signal that was ignored when the process was started (by `nohup`) stays ignored, unless
        // the program forwards it.
        let wanted = self.taken.iter().filter(|(n, meaning)| asked(meaning) || !sys::ignored(*n));
        wanted.map(|(number, _)| *number).collect()
    }

    /// Returns why the registry cannot take its signals; `None` if it can take them all.
    pub(crate) fn refusal(&self) -> Option<String> {
        let why = |number| sys::why_not_taken(number).map(|why| format!("{}: {why}", signal_text(number)));
        self.taken.iter().find_map(|(number, _)| why(*number))
    }

    /// Returns the signals of `taken` after which the program goes on.
    pub(crate) fn quiet(&self, taken: &[i32]) -> Vec<i32> {
        let stops = |number: &i32| matches!(self.meaning(*number), Some(Meaning::Stop));
        taken.iter().copied().filter(|number| !stops(number)).collect()
    }

    /// The effect of this signal; `None` if the registry does not take it.
    pub(crate) fn meaning(&self, number: i32) -> Option<&Meaning> {
        self.taken.iter().find(|(taken, _)| *taken == number).map(|(_, meaning)| meaning)
    }
}

/// What the registry prints at the second signal: SIGINT, SIGTERM or SIGHUP, at least 500 ms after
/// the beginning of the stop. Two Ctrl-C that were pressed at the terminal are two if 200 ms lie
/// between them (Linux). The process ends at once, with 128 + the signal's number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecondSignal {
    /// Report and dump on stderr.
    #[default]
    Dump,
    /// Nothing, for a program whose users press Ctrl-C twice on purpose.
    Quiet,
}

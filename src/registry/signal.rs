//! Owns which OS signals a registry takes, and what each means.
//! Refuses to install a handler: `sys` does, for the time of one run.

use crossbeam_channel::Sender;

use crate::outcome::reason::signal_text;
use crate::sys;

/// The signals that a registry takes: SIGINT, SIGTERM and SIGHUP stop it, SIGQUIT prints the dump (unix; none
/// elsewhere). One that the process was started with as ignored, as by `nohup`, stays ignored.
///
/// ```
/// use homebound::{Registry, Signals};
///
/// // A signal handler of another library stays: take no signal at all.
/// let exit = Registry::new("plugin").signals(Signals::none()).run(|_| Ok(()));
/// ```
#[derive(Debug, Clone)]
pub struct Signals {
    taken: Vec<(i32, Meaning)>,
}

/// What a signal does.
#[derive(Debug, Clone)]
pub(crate) enum Meaning {
    Stop,
    Dump,
    Forward(Sender<i32>),
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
    /// Takes no signal: each does what it would do without homebound.
    pub fn none() -> Signals {
        Signals { taken: Vec::new() }
    }

    /// Leaves this one alone: it does what it would do without homebound, and a handler that is there stays.
    pub fn without(mut self, number: i32) -> Signals {
        self.taken.retain(|(taken, _)| *taken != number);
        self
    }

    /// Sends the number of this signal over a channel, instead of what it would mean otherwise, for the time of the run:
    /// for a reload on SIGHUP, say. It stops nothing, also during a stop, where it does not count as a second signal.
    ///
    /// It never blocks. A signal that finds the channel full is lost, and said to be, with a warning of `tracing`; one that
    /// nobody receives does nothing. Two of a kind in short succession may be one (signal(7)). So a channel for one kind of
    /// signal needs one place: what is in it says "at least once since you looked". Give different kinds a channel each.
    ///
    /// The run refuses, with the reason, a number that is no signal, and signals of which no program can make a message: SIGKILL
    /// and SIGSTOP, which cannot be handled; SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS and SIGPIPE, which tell one
    /// thread of what it has just done; SIGABRT; those that the C library uses itself.
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
        self.take(number, Meaning::Forward(to));
        self
    }

    fn take(&mut self, number: i32, meaning: Meaning) {
        self.taken.retain(|(taken, _)| *taken != number);
        self.taken.push((number, meaning));
    }

    /// Those to be installed: a stop signal that is ignored now was meant to be.
    pub(crate) fn wanted(&self) -> Vec<i32> {
        let asked = |meaning: &Meaning| matches!(meaning, Meaning::Forward(_));
        let wanted = self.taken.iter().filter(|(n, meaning)| asked(meaning) || !sys::ignored(*n));
        wanted.map(|(number, _)| *number).collect()
    }

    /// Why one that is asked for cannot be taken, if one cannot.
    pub(crate) fn refusal(&self) -> Option<String> {
        let why = |number| sys::why_not_taken(number).map(|why| format!("{}: {why}", signal_text(number)));
        self.taken.iter().find_map(|(number, _)| why(*number))
    }

    /// Those of `taken` after which the program goes on.
    pub(crate) fn quiet(&self, taken: &[i32]) -> Vec<i32> {
        let stops = |number: &i32| matches!(self.meaning(*number), Some(Meaning::Stop));
        taken.iter().copied().filter(|number| !stops(number)).collect()
    }

    pub(crate) fn meaning(&self, number: i32) -> Option<&Meaning> {
        self.taken.iter().find(|(taken, _)| *taken == number).map(|(_, meaning)| meaning)
    }
}

/// What is said at the second signal: SIGINT, SIGTERM or SIGHUP, at least 500 ms after whatever has begun the stop. Two Ctrl-C that were
/// pressed at the terminal are two if 200 ms lie between them (Linux). The process ends at once, with 128 + the signal's number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecondSignal {
    /// Report and dump on stderr, before the process ends.
    #[default]
    Dump,
    /// Nothing: for a program whose users know what they do.
    Quiet,
}

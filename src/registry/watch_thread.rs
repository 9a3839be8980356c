//! Owns *watch*, the internal thread of a registry that sees signals and deadlines, and ends the
//! process if it must (P7).
//! Refuses to run any code of the program's, to wait for a tree's lock for long, to use std's
//! stderr, and, after its start, to allocate before its last words, so that it does not hang with
//! other threads. If it hangs all the same, the kernel's timer ends the process (`sys::last`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::registry::audit;
use crate::registry::drain::{DRAINS, Notice};
use crate::registry::early_look::EarlyLook;
use crate::registry::exit::OnOverdue;
use crate::registry::health::minder::Minder;
use crate::registry::last_words::{self, LAST_WORDS, STUCK_BEFORE, UNREAD};
use crate::registry::notify::messenger::Messenger;
use crate::registry::shared::{Shared, WATCH, request};
use crate::registry::signal_settings::{Meaning, SecondSignal};
use crate::registry::stopper_thread::stand_in;
use crate::registry::stopping_line::NextLine;
use crate::rt::awake::{self, BEAT};
use crate::rt::pauses::Pauses;
use crate::rt::time::after;
use crate::stop::condvar::delivery::Rounds;
use crate::sys::last::{self, End, SAME_KEY, SAME_SIGNAL};
use crate::sys::{self, Heard, Woken};
use crate::tree::core::ScopeCore;
use crate::tree::current;
use crate::tree::record::Record;
use crate::tree::root::{LogEntry, RootHost, WorkItem};
use crate::tree::state::Phase;
use crate::tree::wait_mark::WaitMark;
use crate::tree::waiting::Of;

/// The longest wait for the lock of the root, to see whether the root is settled.
const BUSY: Duration = Duration::from_millis(10);
/// The first and the longest pause between two warnings.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The memory of *watch*, used by it alone. All moments are of the clock of `awake`.
#[derive(Default)]
struct Seen {
    /// The kernel's timer; `None` if the system has refused it.
    guard: Option<last::Guard>,
    /// The interrupts that *watch* delivers.
    rounds: Rounds,
    /// When the first signal came that asked for a stop.
    first_signal: Option<Instant>,
    /// When Ctrl-C was first pressed, by the clock of signals.
    first_key: Option<u64>,
    /// The earliest deadline in the root. `None` once *stopper* has been asked to look after it.
    timer: Option<Instant>,
    /// True if *stopper* was asked to drive the root.
    driven: bool,
    /// When to warn again of overdue threads, and the pause after that.
    next_warning: Option<(Instant, Pauses)>,
    /// When to say on the terminal which threads the stop waits for.
    line: NextLine,
    /// True if a dump was asked for and is not begun yet.
    is_dump_due: bool,
    /// True if stderr did not take the last dump in time.
    unread: bool,
    /// The moment of the kernel's timer, as it was after the last wake-up.
    due: u64,
    /// The last reading of the threads, shortly before the end.
    early: EarlyLook,
    /// The notice before the stop.
    notice: Notice,
    /// The messages to the service manager.
    messenger: Messenger,
    /// What it knows of *stopper*'s health.
    minder: Minder,
}

/// The thread *watch*.
pub(crate) fn watch(shared: &Shared, own: &Arc<Record>, expected: audit::Expected) {
    // First, so that the audit does not take *watch* for a foreign thread.
    let _known = expected.vouch();
    let guard = last::Guard::new().inspect_err(|error| {
        shared.dispatch(WorkItem::Log(LogEntry::NoTimer(error.kind().into())));
    });
    current::prepare();
    // Before any code of the program's runs, so that a stop finds the clock attended.
    awake::attend();
    shared.has_started(WATCH);
    // Set before *watch* is started.
    let Some(core) = shared.root.get() else { return };
    let mut seen = Seen { guard: guard.ok(), ..Seen::default() };
    while !shared.is_over() {
        let next = turn(shared, core, &mut seen);
        let waits = WaitMark::of("a signal or a deadline", own.label.at, Of::Nobody, Some(Arc::clone(own)));
        let woken = shared.waker.sleep(next.map(awake::system));
        drop(waits);
        // From here to the next sleep *watch* looks at everything again, because the message of a
        // wake-up says nothing, and later ones may have written none (`rt::coalesced`).
        woke(shared, core, &mut seen, &woken);
        // If the pipe was full of signals, there may be a stop behind them, which comes first.
        if seen.is_dump_due && !woken.is_full() {
            dump(shared, core, &mut seen);
        }
        // A dump may have taken long, which is no suspension.
        awake::worked();
    }
    // The root is closed: no thread beats any more.
    awake::rest();
}

/// All that *watch* does between two sleeps without a message. Returns the end of the next sleep.
fn turn(shared: &Shared, core: &Arc<ScopeCore>, seen: &mut Seen) -> Option<Instant> {
    let now = awake::now();
    if let Some(at) = seen.kill_at(shared).filter(|at| now >= *at) {
        overdue_at_last(shared, core, seen, at, now);
    }
    if let Some((why, how)) = seen.minder.doomed(shared) {
        last_words::end(shared, core, why, how, None);
    }
    if let Some((_, end)) = seen.early.due(shared, seen.deadline(shared)).filter(|(at, _)| now >= *at) {
        look_early(shared, core, seen, end, now);
    }
    if seen.notice.is_over(now) && shared.clock.began().is_none() {
        // The stop begins now and not at the end of the notice, because the process may have been
        // suspended meanwhile.
        begin_stop(shared, seen, now, DRAINS);
    }
    // The service manager is told of a stop and of its end in one message. So *watch* reads the
    // step before the end. Pairs with `stop_announced`, which writes the end before the step: if
    // *watch* has seen the step, the end is there as well.
    let stepped = shared.take_step();
    seen.messenger.tell(shared, stepped, seen.last_end(shared), now);
    // The request first, then the look whether *stopper* is occupied. Pairs with `set_occupied`.
    seen.ask_stopper(shared, core, now);
    stand_in(shared, core);
    let next = seen.next_look(shared, now);
    // *stopper* may be in a callback that waits for the very thread that is to be interrupted, so
    // *watch* delivers.
    if core.root.timers.has_doubts() {
        seen.rounds.add(core.root.timers.take_doubts());
    }
    if seen.rounds.go(next.map(awake::system)) { Some(now) } else { next }
}

/// What *watch* does first when it wakes up, with the messages that it has read.
fn woke(shared: &Shared, core: &Arc<ScopeCore>, seen: &mut Seen, woken: &Woken) {
    // A signal whose message was not read yet may arm the timer from here on, and then keeps it. A
    // signal whose message was read has armed it before this look.
    seen.due = last::look();
    // First of all: the time that the work below takes is no suspension.
    seen.beat(shared);
    heard(shared, core, seen, woken);
}

impl Seen {
    /// A beat of the clock, while the root is being stopped, and a check that the kernel's timer is
    /// there.
    fn beat(&mut self, shared: &Shared) {
        if self.deadline(shared).is_none() && !awake::beats() {
            return;
        }
        self.guard.iter_mut().for_each(last::Guard::renew);
        // After a suspension the deadline, by this clock, is later by the clock of the system,
        // which the kernel's timer goes by.
        let was_suspended = awake::beat();
        if shared.must_arm_again() || was_suspended {
            // Read after the look of `must_arm_again`, which is true once: an earlier look may have
            // found the end of a stop that was only announced.
            self.arm_again(shared);
        }
    }

    /// The end of the grace. A signal counts as a stop request even if *stopper* hangs.
    fn deadline(&self, shared: &Shared) -> Option<Instant> {
        let signalled = self.first_signal.map(|at| after(at, shared.settings.grace));
        shared.clock.deadline().into_iter().chain(signalled).min()
    }

    /// Has the kernel's timer go by the deadline, unless a thread or a signal handler has armed an
    /// earlier end since *watch* woke up.
    fn arm_again(&self, shared: &Shared) {
        if let Some(deadline) = self.deadline(shared) {
            shared.arm_again(deadline, self.due);
        }
    }

    /// When the process ends, whatever a thread does.
    fn kill_at(&self, shared: &Shared) -> Option<Instant> {
        self.deadline(shared).map(|deadline| after(deadline, shared.settings.kill_after))
    }

    /// When the process ends by force at the latest, in the notice before a stop as well.
    fn last_end(&self, shared: &Shared) -> Option<Instant> {
        self.kill_at(shared).or_else(|| self.notice.last_end(&shared.settings))
    }

    /// Asks *stopper* for the work that is due now and may run code of the program's.
    fn ask_stopper(&mut self, shared: &Shared, core: &ScopeCore, now: Instant) {
        if core.root.timers.has_news() {
            self.timer = core.root.timers.first();
        }
        if self.timer.is_some_and(|at| now >= at) {
            // When *stopper* has done it, `has_news` is true.
            self.timer = None;
            shared.request(request::EXPIRE);
        }
        if shared.clock.users_due().is_some_and(|due| now >= due) && !self.driven {
            // Once: *stopper* drives the root until it is settled.
            self.driven = true;
            shared.request(request::DRIVE);
        }
        self.line.ask(shared, self.began(shared), now);
    }

    fn began(&self, shared: &Shared) -> Option<Instant> {
        self.first_signal.into_iter().chain(shared.clock.began()).min()
    }

    /// When there is work for *watch* without a wake-up.
    fn next_look(&self, shared: &Shared, now: Instant) -> Option<Instant> {
        let users_due = shared.clock.users_due().filter(|_| !self.driven);
        let warning = self.next_warning.map(|(at, _)| at);
        let kill = self.kill_at(shared).filter(|at| *at > now);
        let early = self.early.due(shared, self.deadline(shared)).map(|(at, _)| at).filter(|at| *at > now);
        let beat = awake::beats().then(|| now + BEAT);
        let (notice, message) = (self.notice.until(), self.messenger.next(shared));
        let line = self.line.at(shared, self.began(shared));
        // The pipe was full when the last dump was due, and may be empty by now.
        let dump = (self.is_dump_due && !shared.is_dumping()).then_some(now);
        let own = [self.timer, users_due, warning, kill, early, beat, self.minder.next(shared)];
        own.into_iter().chain([notice, message, line, dump]).flatten().min()
    }
}

/// The end is near: reads stacks and the kernel's view of the threads. This allocates, so the
/// kernel's timer ends the process if it hangs.
fn look_early(shared: &Shared, core: &Arc<ScopeCore>, seen: &mut Seen, end: Instant, now: Instant) {
    // Armed -> armed: as early as in the last words, because these begin here.
    last::arm(after(awake::system(end), STUCK_BEFORE), shared.settings.end());
    seen.due = last::look();
    seen.early.look(core, end, now);
    // The look did not hang, so the timer goes by the deadline again.
    seen.arm_again(shared);
    awake::worked();
}

/// Grace and `kill_after` have passed, and some thread is not home.
fn overdue_at_last(shared: &Shared, core: &Arc<ScopeCore>, seen: &mut Seen, due: Instant, now: Instant) {
    const WHY: &str = "threads are not home, and the grace is over";
    match shared.settings.on_overdue {
        OnOverdue::Exit(code) => {
            last_words::end(shared, core, WHY, End::Exit(i32::from(code)), seen.early.take_for(due))
        }
        OnOverdue::Abort => last_words::end(shared, core, WHY, End::Abort, seen.early.take_for(due)),
        OnOverdue::Wait => {
            let first = || (due, Pauses::new(FIRST_PAUSE, LONGEST_PAUSE));
            let (at, mut pauses) = seen.next_warning.unwrap_or_else(first);
            if now >= at {
                if is_settled(core) {
                    // *stopper* is home, or on its way. The thread that hangs, hangs in a
                    // destructor, and only *watch* is left to say so.
                    last_words::say_late(shared, core, WHY);
                } else {
                    shared.request(request::WARN);
                }
                seen.next_warning = Some((now + pauses.next(), pauses));
            }
        }
    }
}

fn is_settled(core: &ScopeCore) -> bool {
    core.lock_within(BUSY).is_some_and(|state| state.phase == Phase::Settled)
}

/// Handles the signals that have come: first the stops. A dump waits until all signals have been
/// read.
fn heard(shared: &Shared, core: &Arc<ScopeCore>, seen: &mut Seen, woken: &Woken) {
    let meaning = |number: i32| shared.settings.signals.meaning(number);
    let stops = woken.signals().filter(|heard| matches!(meaning(heard.signal), Some(Meaning::Stop)));
    stops.for_each(|heard| stop(shared, core, seen, heard));
    for number in woken.signals().map(|heard| heard.signal) {
        if let Some(Meaning::Forward(to)) = meaning(number) {
            shared.dispatch(WorkItem::Log(to.send(number)));
        }
    }
    seen.is_dump_due |= woken.signals().any(|heard| matches!(meaning(heard.signal), Some(Meaning::Dump)));
}

/// Writes one dump for all requests so far. Everything else goes on meanwhile, because stderr may
/// be read slowly, or not at all.
fn dump(shared: &Shared, core: &Arc<ScopeCore>, seen: &mut Seen) {
    seen.is_dump_due = false;
    let left = seen.kill_at(shared).map(|at| at.saturating_duration_since(awake::now()));
    let patience = if seen.unread { UNREAD } else { LAST_WORDS };
    let patience = left.map_or(patience, |left| left.min(patience));
    let is_taken = last_words::dump(shared, core, "SIGQUIT", patience, &mut |woken| {
        woke(shared, core, seen, woken);
        // Once the run is over, there is nothing left to end by force.
        if shared.is_over() { None } else { turn(shared, core, seen).map(awake::system) }
    });
    seen.unread = !is_taken;
}

/// The first signal asks for a stop, the second ends the process. The time at which a signal came
/// counts, not the time at which this thread could look.
fn stop(shared: &Shared, core: &Arc<ScopeCore>, seen: &mut Seen, heard: Heard) {
    let came = Instant::now().checked_sub(heard.age()).map_or_else(awake::now, awake::of_system);
    let first = seen.began(shared);
    if seen.notice.begins(heard.signal, came, first.is_none(), &shared.settings) {
        core.root.drain.begin();
        shared.say_stopping();
        return shared.request(request::DRAIN);
    }
    let is_other_key = heard.is_key() && seen.first_key.is_some_and(|first| heard.after(first) >= SAME_KEY);
    if is_other_key || first.is_some_and(|first| came.saturating_duration_since(first) >= SAME_SIGNAL) {
        let how = End::Exit(128 + heard.signal);
        match shared.settings.second_signal {
            SecondSignal::Dump => last_words::end(shared, core, "a second signal", how, None),
            SecondSignal::Quiet => sys::exit_now(128 + heard.signal),
        }
    }
    if heard.is_key() {
        seen.first_key.get_or_insert(heard.at);
    }
    begin_stop(shared, seen, came, heard.signal);
}

/// Asks for the stop, the first time for a stop that began at `came`.
fn begin_stop(shared: &Shared, seen: &mut Seen, came: Instant, signal: i32) {
    if seen.first_signal.is_none() {
        seen.first_signal = Some(came);
        // From here on a suspension is noticed, also one before the next look.
        awake::beat();
        // First of all: P7's clock has begun, whatever becomes of the rest.
        shared.arm(after(came, shared.settings.grace));
        shared.say_stopping();
    }
    // The handler judges by a clock that no suspension stops, so it may have armed the end of a
    // second signal wrongly.
    seen.arm_again(shared);
    shared.request_stop(signal);
}

//! Owns the two internal threads of a registry: *watch*, which sees signals and deadlines and ends the process if it
//! must (P7), and *stopper*, which does for it what may run user code.
//! Refuses to run any user code in *watch*, to wait there for a tree's lock for long, and to use std's stderr: whatever
//! hangs, it does not hang with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use once_cell::sync::OnceCell;

use crate::exit::{Driver, step};
use crate::limit::far;
use crate::members::Phase;
use crate::reason::StopReason;
use crate::record::{Of, Record};
use crate::registry::OnOverdue;
use crate::root::{Edge, Errand};
use crate::rounds::Rounds;
use crate::rt::contain::{contain, discard, told};
use crate::scope_core::ScopeCore;
use crate::signal::{Meaning, Signals};
use crate::status::ForeignThread;
use crate::sys::{self, Alarm};
use crate::wait::Mark;
use crate::{audit, current, overdue, settle, view};

/// A second signal within this time of the stop is the same keystroke.
const SAME_KEYSTROKE: Duration = Duration::from_millis(500);
/// How long the last words may take.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// When to try again if the tree is locked, and the first and the longest pause between two warnings.
const BUSY: Duration = Duration::from_millis(10);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How the two are reached.
pub(crate) struct Desk {
    /// The process's own, for ever: a handler may still be on its way to it when the registry is over.
    pub(crate) alarm: &'static Alarm,
    errands: Sender<Errand>,
    pub(crate) inbox: Receiver<Errand>,
    /// The root is closed: *watch* may go.
    over: AtomicBool,
    pub(crate) root: OnceCell<Arc<ScopeCore>>,
}

impl Desk {
    pub(crate) fn new() -> std::io::Result<Arc<Desk>> {
        let (errands, inbox) = unbounded();
        let (over, root) = (AtomicBool::new(false), OnceCell::new());
        Ok(Arc::new(Desk { alarm: Alarm::of_process()?, errands, inbox, over, root }))
    }

    pub(crate) fn dismiss(&self) {
        self.over.store(true, Ordering::Release);
        self.alarm.wake();
    }
}

impl Edge for Desk {
    fn clock_changed(&self) {
        self.alarm.wake();
    }

    fn carry_out(&self, errand: Errand) {
        // The desk holds the other end as well: it cannot be disconnected.
        let _unbounded = self.errands.send(errand);
    }

    fn foreign(&self) -> Vec<ForeignThread> {
        audit::foreign()
    }
}

/// What *watch* goes by.
pub(crate) struct Orders {
    pub(crate) grace: Duration,
    pub(crate) kill_after: Duration,
    pub(crate) on_overdue: OnOverdue,
    pub(crate) signals: Signals,
    /// Those of them that have a handler of ours.
    pub(crate) taken: Vec<i32>,
}

/// What *watch* has seen.
#[derive(Default)]
struct Seen {
    first_signal: Option<Instant>,
    began: Option<Instant>,
    deadline: Option<Instant>,
    users_due: Option<Instant>,
    body_home: bool,
    driven: bool,
    next_warning: Option<(Instant, Duration)>,
}

/// The thread *watch*.
pub(crate) fn watch(desk: &Desk, orders: &Orders, own: &Arc<Record>, expected: audit::Expected) {
    let _known = expected.vouch();
    let Some(core) = desk.root.get() else { return };
    let (mut seen, mut rounds) = (Seen::default(), Rounds::default());
    while !desk.over.load(Ordering::Acquire) {
        let now = Instant::now();
        let (due, timer) = core.root.timers.take_due(now);
        due.into_iter().for_each(|node| desk.carry_out(Errand::Expire(node)));
        let fresh = seen.look(core);
        let kill = seen.kill_at(orders);
        if kill.is_some_and(|at| now >= at) {
            overdue_at_last(desk, core, orders, &mut seen, now);
        }
        if seen.users_due.is_some_and(|due| now >= due) && !seen.body_home && !seen.driven {
            seen.driven = true;
            desk.carry_out(Errand::Drive(Arc::clone(core)));
        }
        let again = (!fresh).then(|| now + BUSY);
        let users_due = seen.users_due.filter(|due| *due > now && !seen.driven);
        let warning = seen.next_warning.map(|(at, _)| at);
        let kill = kill.filter(|at| *at > now);
        let wakes = [timer, again, users_due, warning, kill];
        let mut next = wakes.into_iter().flatten().min();
        // *stopper* may be in a callback that waits for whoever is to be rung.
        rounds.add(core.root.timers.take_doubts());
        if rounds.go(next) {
            next = Some(now);
        }
        let waits =
            Mark::of("a signal or a deadline", own.label.at, Of::Nobody, [Some(Arc::clone(own)), None]);
        let woken = desk.alarm.sleep(next);
        drop(waits);
        woken.signals.into_iter().for_each(|number| signalled(desk, core, orders, &mut seen, number));
    }
}

impl Seen {
    /// Reads the clock of the root; false if it was locked, so that what was seen before has to do.
    fn look(&mut self, core: &ScopeCore) -> bool {
        let Some(state) = core.try_lock() else { return false };
        self.began = state.clock.began;
        self.deadline = state.clock.deadline(None);
        self.users_due = state.clock.workers_due(None);
        self.body_home = state.body_home;
        true
    }

    /// When the process ends, whatever a thread does. A signal counts as a stop request even if *stopper* hangs.
    fn kill_at(&self, orders: &Orders) -> Option<Instant> {
        let signalled = self.first_signal.map(|at| far(at, orders.grace));
        let deadline = self.deadline.or(signalled)?;
        Some(far(deadline, orders.kill_after))
    }
}

/// Grace and more have passed, and somebody is not home.
fn overdue_at_last(desk: &Desk, core: &Arc<ScopeCore>, orders: &Orders, seen: &mut Seen, now: Instant) {
    match orders.on_overdue {
        OnOverdue::Exit(code) => {
            last_words(core, "homebound: threads are not home, and the grace is over");
            sys::exit_now(i32::from(code));
        }
        OnOverdue::Abort => {
            last_words(core, "homebound: threads are not home, and the grace is over");
            sys::abort_now();
        }
        OnOverdue::Wait => {
            let (at, pause) = seen.next_warning.unwrap_or((now, FIRST_PAUSE));
            if now >= at {
                desk.carry_out(Errand::Warn(Arc::clone(core)));
                seen.next_warning = Some((now + pause, (pause * 2).min(LONGEST_PAUSE)));
            }
        }
    }
}

fn signalled(desk: &Desk, core: &Arc<ScopeCore>, orders: &Orders, seen: &mut Seen, number: i32) {
    match orders.signals.meaning(number) {
        Some(Meaning::Forward(to)) => {
            // It may not wait for a place: who is behind this signal waits, too.
            desk.carry_out(match to.try_send(number) {
                Ok(()) => Errand::Forwarded(number),
                Err(error) => Errand::Lost(number, error.is_full()),
            });
        }
        Some(Meaning::Dump) => {
            let dump = view::examine(core).to_string();
            sys::write_stderr(dump.as_bytes(), LAST_WORDS);
        }
        Some(Meaning::Stop) => {
            seen.look(core);
            let now = Instant::now();
            let first = seen.first_signal.into_iter().chain(seen.began).min();
            if first.is_some_and(|first| now - first >= SAME_KEYSTROKE) {
                last_words(core, "homebound: a second signal");
                sys::exit_now(128 + number);
            }
            seen.first_signal.get_or_insert(now);
            let reason = StopReason::Signal(number);
            desk.carry_out(Errand::Stop(Arc::clone(core), reason));
        }
        None => {}
    }
}

/// The report and the dump, by `write(2)`, in a second at most.
fn last_words(core: &Arc<ScopeCore>, why: &str) {
    let report = settle::report(core);
    let dump = view::examine(core);
    let text = format!("{why}\n{report}\n{dump}");
    sys::write_stderr(text.as_bytes(), LAST_WORDS);
}

/// The thread *stopper*: carries out stops, runs callbacks, logs, and drives scopes whose body does not come home.
pub(crate) fn stopper(inbox: &Receiver<Errand>, own: &Arc<Record>) {
    current::note_panics();
    let mut driven: Vec<Arc<ScopeCore>> = Vec::new();
    loop {
        let until = step_all(&mut driven);
        let waits = Mark::of("an errand", own.label.at, Of::Nobody, [Some(Arc::clone(own)), None]);
        let next = match until {
            None => inbox.recv().ok(),
            Some(at) => match inbox.recv_deadline(at) {
                Err(error) if error.is_timeout() => Some(Errand::LookAgain),
                other => other.ok(),
            },
        };
        drop(waits);
        match next {
            None | Some(Errand::Quit) => return,
            Some(Errand::LookAgain) => {}
            Some(Errand::Drive(core)) => {
                core.set_driven();
                driven.push(core);
            }
            Some(errand) => {
                if let Err(payload) = contain(|| carry_out(errand)) {
                    discard(payload);
                }
            }
        }
    }
}

fn carry_out(errand: Errand) {
    match errand {
        Errand::Stop(core, reason) => {
            core.node.stop(reason.clone());
            told(|| tracing::info!(target: "homebound::signal", %reason, "stopping"));
        }
        Errand::Forwarded(signal) => {
            told(|| tracing::debug!(target: "homebound::signal", signal, "forwarded"));
        }
        Errand::Lost(signal, true) => {
            told(|| tracing::warn!(target: "homebound::signal", signal, "lost: its channel is full"));
        }
        Errand::Lost(signal, false) => {
            told(|| tracing::debug!(target: "homebound::signal", signal, "lost: nobody receives it"));
        }
        Errand::Expire(node) => {
            if let Some(node) = node.upgrade() {
                node.expire();
            }
        }
        Errand::Overdue(record) => overdue::warn(&record),
        Errand::Warn(core) => {
            let live = core.live();
            live.iter().filter(|record| record.is_overdue()).for_each(overdue::warn);
        }
        Errand::Drive(_) | Errand::LookAgain | Errand::Quit => {}
    }
}

/// Steps all scopes that it drives, drops those that are home; tells when to look again.
fn step_all(driven: &mut Vec<Arc<ScopeCore>>) -> Option<Instant> {
    let now = Instant::now();
    let mut until: Option<Instant> = None;
    driven.retain(|core| {
        if core.lock().phase == Phase::Settled {
            return false;
        }
        match contain(|| step(core, Driver::Other, now)) {
            Ok(progress) if progress.home => false,
            Ok(progress) => {
                until = until.into_iter().chain(progress.until).min();
                true
            }
            Err(payload) => {
                discard(payload);
                true
            }
        }
    });
    until
}

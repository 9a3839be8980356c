//! Owns the life of one child process: one poll for all that it may do, its stop, the end of its group, its reaping.
//! Refuses to know who waits for it: they wait for the thread that this runs on, which forks and outlives the child.
//!
//! ```text
//! started --(stop: SIGTERM to the group)--> asked --(grace over: SIGKILL to the group)--> forced
//!    |                                        |                                            |
//!    +---------------------- the leader has ended: a zombie, its pid still ours -----------+
//!                                             |
//!             SIGKILL to what is left of the group, the pipes emptied, reaped (a forced one after its orphans)
//! ```

use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use crate::outcome::error::{NotStarted, ProcessFailed};
use crate::outcome::reason::{Stop, StopReason};
use crate::process::leader::Shared;
use crate::process::lines::Lines;
use crate::process::output::Output;
use crate::rt::awake;
use crate::rt::contain::log_contained;
use crate::rt::result::Result;
use crate::rt::shown::shown;
use crate::rt::time::after;
use crate::stop::wakeups::Calls;
use crate::sys::Event;
use crate::sys::adopted::{Adoption, reap_group};
use crate::sys::child::{self, CONTINUE, Ended, KILL, Leader, Leads, Pipes, TERMINATE};
use crate::sys::terminal::{Terminal, suspend};
use crate::thread::context::Context;
use crate::thread::stopper::OnStop;
use crate::tree::record::Facts;
use crate::tree::wait_mark::WaitMark;

/// What it means that a child ends though nobody asked it to.
///
/// It was asked if its scope or [`Process::stop`](crate::Process::stop) stopped it, or if it ended by a signal that [`Process::signal`](crate::Process::signal) sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnExit {
    /// A code other than 0, and an end by a signal, is a failure of the scope: a [`ProcessFailed`](crate::ProcessFailed).
    #[default]
    Fail,
    /// Nothing. [`Process::wait`](crate::Process::wait) tells how it ended.
    Ignore,
    /// As `Fail`; and when it has ended, however it ended, the scope is stopped, with
    /// [`StopReason::Vital`](crate::StopReason::Vital).
    StopScope,
}

/// What the thread is to start and to look after.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) command: Command,
    /// As the dump shows it.
    pub(crate) text: String,
    pub(crate) leads: Leads,
    pub(crate) grace: Duration,
    pub(crate) on_exit: OnExit,
    /// Where the lines of its output go: the pipes are ours then.
    pub(crate) lines: Option<[Lines; 2]>,
    pub(crate) shared: Arc<Shared>,
}

/// What the spawner is told, once.
pub(crate) type Started = std::result::Result<Pipes, Refusal>;

/// Why there is no child.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The thread was asked to stop before it forked.
    Stopped,
    Os(io::Error),
}

/// What the thread of a child process does. It is the one that forks: the kernel ends the child with the thread that forked
/// it, and this one is there until the child is reaped.
pub(crate) fn supervise(cx: &Context, plan: Plan, tell: &Sender<Started>) -> Result {
    let shared = Arc::clone(&plan.shared);
    // However this is left, the child is not: one that has not been reaped is killed, and then it is.
    let _reaped = scopeguard::guard(shared, |shared| shared.abandon());
    let _mark = WaitMark::new("child", cx.record().label.at);
    let (mut running, pipes) = match Running::start(cx, plan) {
        Ok(started) => started,
        Err(refusal) => {
            let _spawner_waits = tell.send(Err(refusal));
            return Ok(());
        }
    };
    let _spawner_waits = tell.send(Ok(pipes));
    let ended = running.attend();
    running.end(ended)
}

/// A child that was started.
struct Running<'a> {
    cx: &'a Context,
    shared: Arc<Shared>,
    /// Readable from the stop on. Not the node's own, which goes with the record: this one is closed when the child is home.
    stop: Arc<Event>,
    _stop: OnStop,
    ended: Ended,
    /// In whose foreground it is, if this process is.
    terminal: Option<Terminal>,
    output: Output,
    grace: Duration,
    on_exit: OnExit,
    asked: bool,
    /// When the group is killed.
    force_at: Option<Instant>,
    /// From the SIGKILL on, so that what the child has started can be reaped when the child leaves it behind.
    adoption: Option<Adoption>,
    /// Lines were lost, and that was said.
    lossy: bool,
}

impl<'a> Running<'a> {
    fn start(cx: &'a Context, plan: Plan) -> std::result::Result<(Running<'a>, Pipes), Refusal> {
        let Plan { mut command, text, leads, grace, on_exit, lines, shared } = plan;
        if cx.node().is_stopping() {
            return Err(Refusal::Stopped);
        }
        let refused = |command: &Command, error| Refusal::Os(NotStarted::wrap(command, error));
        // What may be refused to us comes before the fork.
        let stop = Arc::new(Event::new().map_err(|error| refused(&command, error))?);
        let event = Arc::clone(&stop);
        let guard = cx.on_stop(move || event.set());
        let terminal = if leads == Leads::Foreground { Terminal::open() } else { Ok(None) };
        let terminal = terminal.map_err(|error| refused(&command, error))?;
        let (leader, mut pipes) = Leader::start(&mut command, leads, terminal.as_ref())
            .map_err(|error| refused(&command, error))?;
        let ended = leader.ended();
        let _first = cx.record().process.set(Box::new(Facts::new(leader.pid(), text)));
        shared.lead(leader);
        let output = Output::new(lines, &mut pipes);
        let running = Running {
            cx,
            shared,
            stop,
            _stop: guard,
            ended,
            terminal,
            output,
            grace,
            on_exit,
            asked: false,
            force_at: None,
            adoption: None,
            lossy: false,
        };
        Ok((running, pipes))
    }

    /// Looks after the child until it has ended. An error: somebody else in this process has reaped it.
    fn attend(&mut self) -> io::Result<()> {
        loop {
            if !self.asked && self.cx.node().is_stopping() {
                self.ask();
            }
            if self.force_at.is_some_and(|at| awake::now() >= at) {
                self.force();
            }
            let stop = (!self.asked).then(|| self.stop.as_fd());
            let ended = self.ended.as_ref().map(|ended| ended.as_fd());
            let [stdout, stderr] = self.output.wanted();
            let fds = [stop, ended, stdout, stderr];
            let [_, ended, out, err] = child::wait_for_any(fds, self.next_look());
            self.output.advance([out, err], self.is_awaited());
            if !self.lossy && self.shared.lost.load(Ordering::Relaxed) > 0 {
                self.lossy = true;
                self.tell_of_losses();
            }
            if (ended || self.ended.is_none()) && self.shared.has_ended()? {
                return Ok(());
            }
            if self.terminal.is_some() && self.shared.was_suspended() {
                self.suspend();
            }
            if ended {
                // A debugger has it, and is told first: until then the descriptor says more than is so.
                self.ended = None;
            }
        }
    }

    /// Somebody waits for its end, and may read nothing meanwhile.
    fn is_awaited(&self) -> bool {
        self.asked || self.shared.is_awaited()
    }

    /// When to look again if nothing happens: the kernel has no descriptor for a suspended child, for a line that was taken, and
    /// for a child that has ended where it has no pidfd.
    fn next_look(&self) -> Option<Instant> {
        let ended = self.ended.is_none().then_some(LOOK);
        let pauses = [ended, self.terminal.as_ref().map(|_| LOOK_FOR_SUSPENSION), self.output.pause()];
        let look = pauses.into_iter().flatten().min().map(|pause| Instant::now() + pause);
        look.into_iter().chain(self.force_at.map(awake::system)).min()
    }

    /// The child has been suspended, by Ctrl-Z or for want of the terminal. If this process is in the foreground, it can be
    /// helped at once. Otherwise this process is suspended, too, as one group would be; when it goes on, so does the child, with the
    /// terminal if it is ours again.
    fn suspend(&mut self) {
        let Some(terminal) = &self.terminal else { return };
        if !self.asked {
            if !terminal.in_foreground() {
                terminal.take_back(false);
                suspend();
            }
            terminal.give(self.pid());
        }
        if let Err(error) = self.shared.signal_group(CONTINUE) {
            self.warn("could not be continued", Some(&error));
        }
    }

    /// The stop: SIGTERM to the group, and the time after which it is not asked any more. That is the grace, or before: so
    /// that it is home in its share of the scope's grace.
    fn ask(&mut self) {
        self.asked = true;
        let (now, record) = (awake::now(), self.cx.record());
        let share = record.core.share_end(record).map(|end| end.saturating_duration_since(now));
        let patience = share.map_or(self.grace, |share| self.grace.min(share - share / 4));
        self.force_at = Some(after(now, patience));
        // One that is suspended gets it when it goes on.
        let sent = [TERMINATE, CONTINUE].into_iter().try_for_each(|signal| self.shared.signal_group(signal));
        if let Err(error) = sent {
            self.warn("could not be asked to end", Some(&error));
        }
    }

    fn force(&mut self) {
        self.force_at = None;
        self.adoption = Adoption::begin();
        let killed = self.shared.signal_group(KILL);
        self.warn("did not end on SIGTERM in its grace: SIGKILL", killed.as_ref().err());
    }

    /// It has ended, and is a zombie: its group is still its own.
    fn end(mut self, ended: io::Result<()>) -> Result {
        let reaped = ended.and_then(|()| {
            // What the child started goes with it: nobody is left to look after that.
            let _nobody_left = self.shared.signal_group(KILL);
            reap_group(self.pid());
            drop(self.adoption.take());
            self.output.finish(self.is_awaited());
            self.shared.reap()
        });
        // Before its end is told: whoever waits for it may read from the terminal.
        let killed = reaped.as_ref().is_ok_and(|status| status.signal().is_some());
        self.terminal.take().into_iter().for_each(|terminal| terminal.take_back(killed));
        let ended = self.how_it_ended(reaped);
        let record = self.cx.record();
        let mut calls = Calls::default();
        if self.on_exit == OnExit::StopScope {
            let reason = StopReason::Vital { path: record.path().to_owned() };
            calls.add(record.core.node.mark_for(Stop::new(reason)));
        }
        if ended.is_err() {
            let (node, path) = (&record.node, record.path());
            calls.add(record.core.stop_before_judging(node, path, !record.isolated));
        }
        calls.run();
        // After the stops: the subscriber is the program's.
        self.tell_of_losses();
        ended
    }

    fn how_it_ended(&self, reaped: io::Result<ExitStatus>) -> Result {
        let (record, asked) = (self.cx.record(), self.asked);
        let status = reaped
            .map_err(|error| format!("how the child ended is not known: {} ({error})", child::who_reaps()))?;
        let facts = record.process.get();
        if let Some(facts) = facts {
            let _once = facts.exit.set(status.to_string().into());
        }
        if asked {
            return Err(self.cx.stopped().into());
        }
        match facts.filter(|_| !status.success() && !self.shared.has_sent(status.signal())) {
            Some(facts) if self.on_exit != OnExit::Ignore => {
                Err(ProcessFailed::new(facts.pid, &facts.command, status).into())
            }
            _ => Ok(()),
        }
    }

    fn pid(&self) -> u32 {
        self.cx.record().process.get().map_or(0, |facts| facts.pid)
    }

    fn tell_of_losses(&self) {
        let lost = self.shared.lost.load(Ordering::Relaxed);
        if lost > 0 {
            log_contained(|| {
                tracing::warn!(
                    target: "homebound::process",
                    path = &*shown(self.cx.path()),
                    lost,
                    "lines of its output were lost: nobody read them in time"
                );
            });
        }
    }

    fn warn(&self, what: &str, error: Option<&io::Error>) {
        let pid = self.pid();
        let error = error.map(ToString::to_string).unwrap_or_default();
        log_contained(|| {
            tracing::warn!(
                target: "homebound::process",
                path = &*shown(self.cx.path()),
                pid,
                error,
                "{what}"
            );
        });
    }
}

/// How long until the next look where the kernel has nothing to wait on: for an end, and for a suspension.
const LOOK: Duration = Duration::from_millis(10);
const LOOK_FOR_SUSPENSION: Duration = Duration::from_millis(100);

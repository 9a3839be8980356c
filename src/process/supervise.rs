//! Owns the life of one child process: the poll for its events, its stop, the end of its group, its
//! reaping.
//! Refuses to know the waiters: they wait for the thread that runs this, and outlives the child.
//!
//! ```text
//! started --(stop: SIGTERM to the group)--> asked --(grace over: SIGKILL to the group)--> forced
//!    |                                        |                                            |
//!    +-------------- ended: the child is a zombie, its pid is still its own ---------------+
//!                                             |
//!                  SIGKILL to the rest of the group, its orphans reaped (if forced),
//!                         the pipes emptied, the child reaped, its end told
//! ```

use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use crate::outcome::errors::error::{NotStarted, ProcessFailed};
use crate::outcome::reason::{Stop, StopReason};
use crate::process::leader::ChildState;
use crate::process::output::Output;
use crate::process::plan::{OnExit, Plan, Refusal, Started};
use crate::process::stop_node::StopNode;
use crate::rt::awake;
use crate::rt::contain::log_contained;
use crate::rt::result::Result;
use crate::rt::shown::shown;
use crate::rt::time::after;
use crate::stop::calls::Calls;
use crate::sys::adopted::{Adoption, reap_group};
use crate::sys::child::{self, CONTINUE, Ended, KILL, Leader, Leads, Pipes, TERMINATE};
use crate::sys::terminal::{Terminal, suspend};
use crate::thread::context::Context;
use crate::tree::record::Facts;
use crate::tree::wait_mark::WaitMark;

/// Runs on the thread of a child process, from the fork to the reaping. This thread must fork,
/// because the kernel kills the child with the thread that forked it, and this thread outlives the
/// child.
pub(crate) fn supervise(cx: &Context, plan: Plan, tell: &Sender<Started>) -> Result {
    let shared = Arc::clone(&plan.shared);
    // Also if this function panics, the child is home before its thread: it is killed and reaped.
    let _reaped = scopeguard::guard(shared, |shared| shared.abandon());
    let _mark = WaitMark::new("child", cx.record().label.at);
    let (mut running, pipes) = match Running::start(cx, plan) {
        Ok(started) => started,
        Err(refusal) => {
            // Pairs with `told.recv()` in `ProcessBuilder::spawn`, which waits for this answer.
            let _spawner_waits = tell.send(Err(refusal));
            return Ok(());
        }
    };
    // Pairs with `told.recv()` in `ProcessBuilder::spawn`. After `start` has stored the leader and
    // the facts, so that the spawner's handle can signal the child and tell its pid.
    let _spawner_waits = tell.send(Ok(pipes));
    let ended = running.attend();
    running.end(ended)
}

/// A child that was started, as its thread looks after it. Used by this thread only.
struct Running<'a> {
    cx: &'a Context,
    shared: Arc<ChildState>,
    /// Has a descriptor that is readable from the stop on.
    stop: StopNode,
    /// A descriptor that is readable when the child has ended. `None` if the kernel has no pidfd,
    /// or if the descriptor is of no more use; then `attend` looks at intervals of [`LOOK`].
    ended: Ended,
    /// The terminal that is lent to the child; `None` if none was asked for, or there is none.
    terminal: Option<Terminal>,
    output: Output,
    /// Time from SIGTERM to SIGKILL, if the share of the scope's grace leaves as much.
    grace: Duration,
    on_exit: OnExit,
    /// True once `ask` has sent SIGTERM: the state is *asked* or *forced*.
    asked: bool,
    /// When the group is killed. Set by `ask`, cleared by `force`; counts the time awake.
    force_at: Option<Instant>,
    /// From `force` until the group is reaped, so that the kernel gives this process the orphans of
    /// the group.
    adoption: Option<Adoption>,
    /// True once the warning about lost lines was logged while the child ran.
    lossy: bool,
}

impl<'a> Running<'a> {
    /// Forks and executes. After an error there is no child.
    fn start(cx: &'a Context, plan: Plan) -> std::result::Result<(Running<'a>, Pipes), Refusal> {
        let Plan { mut command, text, leads, grace, on_exit, lines, shared } = plan;
        if cx.node().is_stopping() {
            return Err(Refusal::Stopped);
        }
        let refused = |command: &Command, error| Refusal::Os(NotStarted::wrap(command, error));
        // The descriptor and the terminal come before the fork, because after it a refusal would
        // leave a child behind.
        let stop = StopNode::below(cx.node());
        stop.event().map_err(|error| refused(&command, error))?;
        let terminal = if leads == Leads::Foreground { Terminal::open() } else { Ok(None) };
        let terminal = terminal.map_err(|error| refused(&command, error))?;
        let (leader, mut pipes) = Leader::start(&mut command, leads, terminal.as_ref())
            .map_err(|error| refused(&command, error))?;
        // To *started*.
        let ended = leader.ended();
        let _first = cx.record().extras().process.set(Facts::new(leader.pid(), text));
        shared.lead(leader);
        let output = Output::new(lines, &mut pipes);
        let running = Running {
            cx,
            shared,
            stop,
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

    /// Looks after the child until it has ended. An error means that other code in this process has
    /// reaped the child.
    fn attend(&mut self) -> io::Result<()> {
        loop {
            if !self.asked && self.cx.node().is_stopping() {
                self.ask();
            }
            if self.force_at.is_some_and(|at| awake::now() >= at) {
                self.force();
            }
            // Pairs with `Node::wake`. The descriptor stays readable, so it is left out once the
            // child is asked: otherwise this loop would spin.
            let stop = if self.asked { None } else { Some(self.stop.event()?.as_fd()) };
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
                // To *ended*. The child stays a zombie until `end` reaps it.
                return Ok(());
            }
            if self.terminal.is_some() && self.shared.was_suspended() {
                self.suspend();
            }
            if ended {
                // The descriptor is readable, and yet the kernel does not show us the end. A
                // debugger traces the child, and hears of the end first. Until then the descriptor
                // would make this loop spin, so go on without it.
                self.ended = None;
            }
        }
    }

    /// True if a thread waits for the child's end, or its scope does. Such a waiter may read no
    /// lines meanwhile, so a full queue may lose some.
    fn is_awaited(&self) -> bool {
        self.asked || self.shared.is_awaited()
    }

    /// When to look again though no descriptor is ready. There is no descriptor for a suspension of
    /// the child, for a line that a reader has taken, and, without a pidfd, for the child's end.
    fn next_look(&self) -> Option<Instant> {
        let ended = self.ended.is_none().then_some(LOOK);
        let pauses = [ended, self.terminal.as_ref().map(|_| LOOK_FOR_SUSPENSION), self.output.pause()];
        let look = pauses.into_iter().flatten().min().map(|pause| Instant::now() + pause);
        look.into_iter().chain(self.force_at.map(awake::system)).min()
    }

    /// Called when the child has been suspended, by Ctrl-Z or because it lacks the terminal. If
    /// this process is in the foreground, the child gets the terminal and continues at once.
    /// Otherwise this process suspends itself as well, as if both were one group. When this process
    /// continues, so does the child, with the terminal if this process has it again.
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
            self.warn("the child could not be continued", Some(&error));
        }
    }

    /// Asks the child to end, because its thread is asked to stop: SIGTERM to the group. Sets the
    /// time of the SIGKILL: when the child's grace is over, or after three quarters of the share of
    /// the scope's grace if that is earlier, so that the child is home within the share.
    fn ask(&mut self) {
        // From *started* to *asked*, also if no signal can be sent: then SIGKILL will be tried.
        self.asked = true;
        let (now, record) = (awake::now(), self.cx.record());
        let share = record.core.share_end(record).map(|end| end.saturating_duration_since(now));
        let patience = share.map_or(self.grace, |share| self.grace.min(share - share / 4));
        self.force_at = Some(after(now, patience));
        // SIGCONT second, because a suspended child handles SIGTERM only when it continues.
        let sent = [TERMINATE, CONTINUE].into_iter().try_for_each(|signal| self.shared.signal_group(signal));
        if let Err(error) = sent {
            self.warn("the child could not be asked to end", Some(&error));
        }
    }

    /// Kills the group, because the child has not ended in time.
    fn force(&mut self) {
        // From *asked* to *forced*.
        self.force_at = None;
        // Before the SIGKILL, because the group's orphans are given away when the child dies.
        self.adoption = Adoption::begin();
        let killed = self.shared.signal_group(KILL);
        self.warn("the child did not end on SIGTERM in its grace: SIGKILL", killed.as_ref().err());
    }

    /// Ends the group, reaps the child, and tells its end. The child has ended and is a zombie, so
    /// its pid and the number of its group belong to no other process yet. `ended` is an error if
    /// other code has reaped it.
    fn end(mut self, ended: io::Result<()>) -> Result {
        let reapable = ended.map(|()| {
            // The processes that the child has started end with it, because no thread of this
            // process looks after them.
            let _nobody_left = self.shared.signal_group(KILL);
            // Before the child is reaped, because its pid names the group until then.
            reap_group(self.pid());
            drop(self.adoption.take());
        });
        // After the SIGKILL, so that the group's last output is in the pipes. A child that other
        // code has reaped has left output as well.
        self.output.finish(self.is_awaited());
        let reaped = reapable.and_then(|()| self.shared.reap());
        // Before the stops below. Pairs with `Process::wait`, which one of them may end.
        self.shared.set_end(reaped.as_ref().ok().copied());
        // Before the end is told, because a waiter may read from the terminal next. A child that
        // was killed could not reset the modes.
        let killed = reaped.as_ref().is_ok_and(|status| status.signal().is_some());
        self.terminal.take().into_iter().for_each(|terminal| terminal.take_back(killed));
        let ended = self.how_it_ended(reaped);
        let record = self.cx.record();
        let mut calls = Calls::default();
        if self.on_exit == OnExit::StopScope {
            record.core.node.announce();
            let reason = StopReason::Vital { path: record.path().to_owned() };
            calls.add(record.core.node.mark_for(Stop::new(reason)));
        }
        // Stop the scope before the log and the judgement of the error below, because both run code
        // of the program's, which may take its time.
        if ended.is_err() {
            let (node, path) = (&record.node, record.path());
            calls.add(record.core.stop_before_judging(node, path, !record.is_isolated()));
        }
        calls.run();
        // After the stops, because the subscriber is code of the program's.
        self.tell_of_losses();
        ended
    }

    /// The result of the child's thread: `Ok`, its stop, or the failure that the end of the child
    /// is.
    fn how_it_ended(&self, reaped: io::Result<ExitStatus>) -> Result {
        let (record, asked) = (self.cx.record(), self.asked);
        let status = reaped
            .map_err(|error| format!("how the child ended is not known: {} ({error})", child::who_reaps()))?;
        let facts = record.process();
        if let Some(facts) = facts {
            let _once = facts.exit.set(status.to_string().into());
        }
        // A child that was asked to end has stopped, whatever its status.
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
        self.cx.record().process().map_or(0, |facts| facts.pid)
    }

    /// Logs the number of lost lines: once when the first is lost, and once at the end.
    fn tell_of_losses(&self) {
        let lost = self.shared.lost.load(Ordering::Relaxed);
        if lost > 0 {
            log_contained(|| {
                tracing::warn!(
                    target: "homebound::process",
                    path = &*shown(self.cx.path()),
                    lost,
                    "lines of the child's output were lost, because no reader took them in time"
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

/// Time between two looks whether the child has ended, where the kernel has no pidfd.
const LOOK: Duration = Duration::from_millis(10);
/// Time between two looks whether a child in the foreground was suspended.
const LOOK_FOR_SUSPENSION: Duration = Duration::from_millis(100);

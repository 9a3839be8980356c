//! Owns the text of single parts of a status: roles, states, the kernel's view of a thread, rows
//! outside of the tree.
//! Refuses to put the parts together: `dump` and `report_text` do.

use std::fmt;

use crate::outcome::status::kernel::{KernelStatus, RunState};
use crate::outcome::status::outside::{EndingThread, ForeignThread};
use crate::outcome::status::snapshot::{ProcessStatus, Role, ScopeState, ThreadStatus};
use crate::outcome::words::{Span, Thousands};
use crate::rt::shown::Shown;

/// The kernel's view of a thread that is in no wait of homebound's.
pub(crate) struct Kernel<'a>(pub(crate) Option<RunState>, pub(crate) Option<&'a KernelStatus>);

impl fmt::Display for Kernel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Kernel(state, kernel) = self;
        match state {
            // The kernel was not asked, or did not say.
            None => return f.write_str("in no wait of homebound's"),
            Some(RunState::Running) => f.write_str("running")?,
            Some(RunState::Sleeping) => f.write_str("sleeps")?,
            Some(RunState::Uninterruptible) => f.write_str("sleeps, and no signal wakes it,")?,
            Some(RunState::Suspended) => f.write_str("suspended")?,
            Some(RunState::Other) => f.write_str("gone, or about to be")?,
        }
        let Some(KernelStatus { call, about, channel }) = kernel else { return Ok(()) };
        if call.is_some() || about.is_some() {
            write!(f, " in {}", Shown(called(call.as_deref(), about.as_deref())))?;
        }
        match channel {
            Some(channel) => write!(f, " (kernel: {})", Shown(channel)),
            None => Ok(()),
        }
    }
}

/// A system call with its object: `read fd 5 pipe:[1234]`. Of `openat` and `open "/x"` the second
/// alone, because it says both.
pub(crate) fn called(call: Option<&str>, about: Option<&str>) -> String {
    let action = about.and_then(|about| about.split(' ').next());
    // The first word of `about` is an action, such as `open`, or a kind of object, such as `fd`.
    let is_said = call.zip(action).is_some_and(|(call, action)| call.contains(action));
    let words = call.filter(|_| !is_said).into_iter().chain(about);
    words.collect::<Vec<_>>().join(" ")
}

impl fmt::Display for EndingThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, purpose) = (Shown(&self.path), Shown(&self.purpose));
        write!(f, "on its way out: {path}  ({purpose})  tid {}  its closure is over", self.os_tid)?;
        // The join explains the delay, so the kernel's view adds nothing.
        if let Some(whom) = &self.joins {
            return write!(f, ", and it joins {}", Shown(whom));
        }
        // The kernel was not asked: in a snapshot, or for lack of time.
        if self.run_state.is_none() {
            return f.write_str(", destructors of its thread-locals may run");
        }
        let kernel = Kernel(self.run_state, self.kernel.as_ref());
        write!(f, ", and a destructor of its thread-locals may hang: {kernel}")
    }
}

impl fmt::Display for ForeignThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(why) = &self.unknown {
            return write!(f, "foreign threads: unknown ({})", Shown(why));
        }
        write!(f, "foreign thread \"{}\"  tid {}  ({})", Shown(&self.name), self.os_tid, self.since())
    }
}

impl ForeignThread {
    /// Where the thread comes from, as far as it is known.
    pub(crate) fn since(&self) -> &'static str {
        match (self.guest, self.before) {
            (true, _) => "a guest whose scope is over",
            (false, true) => "there before",
            (false, false) => "not ours",
        }
    }
}

impl fmt::Display for ProcessStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {} `{}`", self.pid, Shown(&self.command))?;
        self.exit.iter().try_for_each(|exit| write!(f, " {}", Shown(exit)))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Body => "body",
            Role::Worker => "worker",
            Role::Service => "service",
            Role::Adopted => "adopted",
            Role::Guest => "guest",
            Role::Internal => "internal",
        })
    }
}

impl fmt::Display for ScopeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ScopeState::Open => "open",
            ScopeState::Stopping => "stopping",
            ScopeState::Finishing => "finishing",
            ScopeState::Ended => "ended",
        })
    }
}

/// How near a thread is to being given up: `, 7 failures in a row (gives up at 10), last failed 120
/// ms ago`. Empty for a thread that has not failed.
pub(crate) struct Failing<'a>(pub(crate) &'a ThreadStatus);

impl fmt::Display for Failing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thread = self.0;
        let Some(ago) = thread.last_failed_ago else { return Ok(()) };
        if thread.failures_in_row > 0 {
            let plural = if thread.failures_in_row == 1 { "" } else { "s" };
            write!(f, ", {} failure{plural} in a row", Thousands(thread.failures_in_row.into()))?;
            thread.gives_up_at.iter().try_for_each(|most| write!(f, " (gives up at {most})"))?;
        }
        // An older period has nothing to do with the present.
        if let Some((count, most, within)) = thread.restarts_within.filter(|(_, _, within)| ago <= *within) {
            write!(f, ", {count} of {most} restarts allowed within {}", Span(within))?;
        }
        write!(f, ", last failed {} ago", Span(ago))
    }
}

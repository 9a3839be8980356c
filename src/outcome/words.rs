//! Owns the text of single parts: roles, states, the kernel's view of a thread, rows outside of the
//! tree, durations, rails.
//! Refuses to put the parts together: `dump` and `report_text` do.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use crate::outcome::outside::{EndingThread, ForeignThread};
use crate::outcome::report::Ending;
use crate::outcome::status::{KernelStatus, ProcessStatus, Role, RunState, ScopeState, ThreadStatus};
use crate::rt::shown::Shown;

/// The wait of a thread whose body is over, for the threads of its scope.
pub(crate) const ITS_THREADS: &str = "the threads of its scope";

/// The wait of a thread that drops a group. Its stack says where the group is dropped, because a
/// drop has no line.
pub(crate) const DROP_OF: &str = "drop of group";

/// The wait of a body's thread for OS threads that run destructors of thread-locals, when all
/// closures are over.
pub(crate) const ITS_ENDS: &str = "its OS threads to be gone";

/// The waits of a supervisor for one of its children. It goes on with the others meanwhile.
pub(crate) const END_OF_CHILD: &str = "the end";
pub(crate) const START_OF_CHILD: &str = "the start";

/// Each item, and true with the last.
pub(crate) fn with_last<T>(items: &[T]) -> impl Iterator<Item = (&T, bool)> {
    items.iter().enumerate().map(|(place, item)| (item, place + 1 == items.len()))
}

/// The rail before an item, and the rail before the lines below the item.
pub(crate) fn rails(indent: &str, last: bool) -> (String, String) {
    let (here, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
    (format!("{indent}{here}"), format!("{indent}{below}"))
}

/// The number of rows that a name has. Rows of one name show their ids, to be told apart.
pub(crate) struct Twins<'a>(HashMap<&'a str, usize>);

impl<'a> Twins<'a> {
    pub(crate) fn among(names: impl Iterator<Item = &'a str>) -> Twins<'a> {
        let mut seen = HashMap::new();
        names.for_each(|name| *seen.entry(name).or_insert(0) += 1);
        Twins(seen)
    }

    /// The text behind a name: ` #17` if other rows have the same name, otherwise none.
    pub(crate) fn mark(&self, name: &str, id: impl fmt::Display) -> String {
        if self.0.get(name).is_some_and(|rows| *rows > 1) { format!(" {id}") } else { String::new() }
    }
}

/// The kernel's view of a thread that is in no wait of homebound's.
pub(crate) struct Kernel<'a>(pub(crate) Option<RunState>, pub(crate) Option<&'a KernelStatus>);

impl fmt::Display for Kernel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Kernel(state, kernel) = self;
        match state {
            // The kernel was not asked, or did not say.
            None => return f.write_str("in its own code"),
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

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ending::Finished => "finished",
            Ending::Stopped => "stopped",
            Ending::Failed => "failed",
            Ending::Panicked => "panicked",
            Ending::Overdue => "OVERDUE",
            Ending::NotHome => "not home yet",
            Ending::NotTold => "not home yet, not told to stop yet",
        })
    }
}

/// A thread that was not ready after this time, whatever it does.
pub(crate) struct NotReady(pub(crate) Duration);

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "starting (not ready) for {}", Span(self.0))
    }
}

/// Number of characters of a failure that a row shows.
const SHOWN_OF_FAILURE: usize = 160;

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

/// The end of the row of a thread that has run more than once: `, run 3, restarts 2, last failure:
/// ..`. Empty for any other thread.
pub(crate) struct Restarts<'a> {
    pub(crate) run: u64,
    pub(crate) restarts: u64,
    pub(crate) last_failure: Option<&'a str>,
}

impl fmt::Display for Restarts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Restarts { run, restarts, last_failure } = *self;
        if run > 1 || restarts > 0 {
            write!(f, ", run {run}, restarts {restarts}")?;
        }
        let Some(text) = last_failure else { return Ok(()) };
        let end = text.char_indices().nth(SHOWN_OF_FAILURE).map(|(end, _)| end);
        let more = if end.is_some() { ".." } else { "" };
        write!(
            f,
            ", last failure: {}{more}",
            Shown(text.get(..end.unwrap_or(text.len())).unwrap_or_default())
        )
    }
}

/// A duration, shown with the digits that matter.
pub(crate) struct Span(pub(crate) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without numbers with a fraction, whose text takes 15 KiB of code.
        let (seconds, micros) = (self.0.as_secs(), self.0.subsec_micros());
        match seconds {
            0 if micros < 1_000 => write!(f, "{micros} us"),
            0 => write!(f, "{}.{} ms", micros / 1_000, micros / 100 % 10),
            1..60 => write!(f, "{seconds}.{:02} s", micros / 10_000),
            60..3600 => write!(f, "{} min {:02} s", seconds / 60, seconds % 60),
            _ => write!(f, "{} h {:02} min", seconds / 3600, seconds / 60 % 60),
        }
    }
}

/// A count, with a comma between each three digits: `9,311`.
pub(crate) struct Thousands(pub(crate) u64);

impl fmt::Display for Thousands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place) % 3 == 0 {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// The path with a `*` in place of each number.
pub(crate) fn pattern(path: &str) -> String {
    let mut pattern = String::new();
    for c in path.chars().map(|c| if c.is_ascii_digit() { '*' } else { c }) {
        if c != '*' || !pattern.ends_with('*') {
            pattern.push(c);
        }
    }
    pattern
}

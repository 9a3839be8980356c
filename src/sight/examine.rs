//! Owns what a look reads, and how long it may take.
//! Refuses to read: `tree::snapshot` reads the tree and the kernel, and `stacks` reads stacks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::outcome::status::Snapshot;
use crate::rt::time::after;
use crate::tree::core::ScopeCore;
use crate::tree::snapshot;

/// Time that a look may take, unless it is given another: for locks, for the kernel, for stacks.
const PATIENCE: Duration = Duration::from_millis(300);

/// Of which threads stacks are captured, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stacks {
    /// No stacks.
    Off,
    /// The stacks of threads that sleep. No thread gets a signal, and no thread notices anything. A
    /// thread that computes has no stack this way.
    Asleep,
    /// The stacks of all threads. A thread that computes, or whose stack could not be read as a
    /// whole, gets one real-time signal, unless it blocks that signal. If such a thread enters a
    /// wait before the signal arrives, that wait may end with `EINTR`, as after any signal.
    All,
}

/// What [`Scope::examine`](crate::Scope::examine) reads beyond a snapshot.
///
/// ```
/// use std::time::Duration;
/// use homebound::{Examine, Stacks};
///
/// homebound::scope(|scope| {
///     scope.service("clock", "ticks", |cx| Ok(drop(cx.wait_for_stop())))?;
///     let examine = Examine::new().kernel().stacks(Stacks::Asleep);
///     println!("{}", scope.examine(examine.within(Duration::from_millis(100))));
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "it only says what to read: pass it to `Scope::examine`"]
pub struct Examine {
    kernel: bool,
    stacks: Stacks,
    within: Duration,
}

impl Examine {
    /// Reads as much as [`Scope::snapshot`](crate::Scope::snapshot), within 300 ms.
    pub fn new() -> Examine {
        Examine { kernel: false, stacks: Stacks::Off, within: PATIENCE }
    }

    /// Asks the kernel about each thread that is in no wait of homebound's: its run state, its
    /// processor time, its system call (Linux).
    pub fn kernel(self) -> Examine {
        Examine { kernel: true, ..self }
    }

    /// Captures stacks.
    pub fn stacks(self, stacks: Stacks) -> Examine {
        Examine { stacks, ..self }
    }

    /// Sets how long the look may take. Then the rest is missing, and `limits` of the snapshot says
    /// so.
    pub fn within(self, limit: Duration) -> Examine {
        Examine { within: limit, ..self }
    }
}

impl Default for Examine {
    fn default() -> Examine {
        Examine::new()
    }
}

/// What a dump reads, unless the registry was told otherwise.
pub(crate) fn dump(core: &Arc<ScopeCore>) -> Snapshot {
    examine(core, Examine::new().kernel().stacks(Stacks::Asleep))
}

/// Reads the tree, and as much of kernel and stacks as `look` asks for.
pub(crate) fn examine(core: &Arc<ScopeCore>, look: Examine) -> Snapshot {
    let until = after(Instant::now(), look.within);
    if look.kernel { snapshot::with_kernel(core, until) } else { snapshot::snapshot(core) }
}

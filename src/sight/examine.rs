//! Owns what a look reads, and how long it may take.
//! Refuses to read: `tree::snapshot` reads the tree, `asking` the kernel, and `stacks` stacks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::outcome::dump::row::wants_stack;
use crate::outcome::status::snapshot::{Snapshot, ThreadStatus};
use crate::outcome::status::stack::Stacks;
use crate::rt::time::after;
use crate::sight::again::Outer;
use crate::sight::asking::{Asked, Asking};
use crate::sight::files::Files;
use crate::sight::stacks::Capturing;
use crate::sight::{cycles, early, holders, later, rows};
use crate::sys;
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;
use crate::tree::root::Root;
use crate::tree::snapshot;

/// Time that a look may take, unless it is given another: for locks, for the kernel, for stacks.
pub(crate) const PATIENCE: Duration = Duration::from_millis(300);

/// Stack that the calling thread must have left, in bytes: for a snapshot, and for a look that asks
/// the kernel as well. Stacks need more. Without optimisation a look overflowed 26 KiB.
const ROOM_OF_SNAPSHOT: usize = if cfg!(debug_assertions) { 24 * 1024 } else { 8 * 1024 };
const ROOM_OF_LOOK: usize = if cfg!(debug_assertions) { 32 * 1024 } else { 8 * 1024 };

/// Number of callers that a warning names.
const CALLERS: usize = 8;

/// Number of rows that the kernel is asked about before the first stack is captured, because that
/// may take all the time in a large process.
const FIRST: usize = 64;

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
    /// so. Overdue threads come first, then threads in waits that homebound does not know.
    pub fn within(self, limit: Duration) -> Examine {
        Examine { within: limit, ..self }
    }
}

impl Default for Examine {
    fn default() -> Examine {
        Examine::new()
    }
}

/// The extent of one look: of which threads it reads the kernel's view and the stacks.
struct Look {
    /// True: of all threads in no wait of ours. False: of overdue threads alone.
    kernel: bool,
    /// Of threads that are not overdue.
    stacks: Stacks,
    overdue: Stacks,
    /// True: of all threads. False: only where a dump shows them, because the row of a thread in a
    /// wait of homebound's names the line of the wait.
    of_all: bool,
    within: Duration,
    files: Files,
}

/// Reads the tree. The kernel is asked about overdue threads only, because that takes three files
/// for each.
pub(crate) fn snapshot(core: &Arc<ScopeCore>) -> Snapshot {
    match stack_lack(ROOM_OF_SNAPSHOT) {
        Some(why) => snapshot::unread(core, why),
        None => brief(core),
    }
}

/// Why the calling thread reads nothing: an overflow of its stack would end the program that asks
/// why it hangs. `brief` and `deep` are functions of their own, because their large frames must not
/// be on the stack before this check.
fn stack_lack(needed: usize) -> Option<String> {
    let left = sys::stack_left().filter(|left| *left < needed)?;
    let (left, needed) = (left / 1024, needed / 1024);
    Some(format!("the tree: the thread that looks has {left} KiB of stack left, and needs {needed} KiB"))
}

fn brief(core: &Arc<ScopeCore>) -> Snapshot {
    let mut snapshot = snapshot::read(core, None);
    let mut asking = Asking::new(None);
    let rows = rows::by_interest(&mut snapshot.root).into_iter();
    // Overdue threads come first in this order, so that the first other thread ends the walk.
    rows.take_while(|row| row.overdue_for.is_some()).for_each(|row| ask(&mut asking, row, &core.root));
    snapshot.limits.extend(asking.limits());
    snapshot
}

/// Reads these threads, and asks the kernel about overdue ones.
pub(crate) fn threads(records: &[Arc<Record>]) -> Vec<ThreadStatus> {
    let mut asking = Asking::new(None);
    let now = Instant::now();
    let mut rows: Vec<_> = records.iter().map(|record| snapshot::thread(record, now)).collect();
    for (row, record) in rows.iter_mut().zip(records).filter(|(row, _)| row.overdue_for.is_some()) {
        ask(&mut asking, row, &record.core.root);
    }
    rows
}

/// Reads as much as the caller asks for.
pub(crate) fn examine(core: &Arc<ScopeCore>, examine: Examine) -> Snapshot {
    let Examine { kernel, stacks, within } = examine;
    look(core, &Look { kernel, stacks, overdue: stacks, of_all: true, within, files: Files::All })
}

/// Reads as much as a dump shows.
pub(crate) fn dump(core: &Arc<ScopeCore>, files: Files) -> Snapshot {
    let stacks = core.root.stacks().unwrap_or(Stacks::Asleep);
    // Differs from `stacks` only if the program has set none: then a registry's overdue threads
    // get a signal.
    let overdue = of_overdue(&core.root);
    look(core, &Look { kernel: true, stacks, overdue, of_all: false, within: PATIENCE, files })
}

/// Reads as much as the last words show, which are all stacks, within this time.
pub(crate) fn at_last(core: &Arc<ScopeCore>, within: Duration) -> Snapshot {
    let stacks = of_overdue(&core.root);
    // `of_overdue` for all threads, because any of them may be overdue when the words are said.
    look(core, &Look { kernel: true, stacks, overdue: stacks, of_all: true, within, files: Files::Local })
}

/// Reads the tree alone, and adds to it what an earlier look has read of the threads.
pub(crate) fn with_earlier(core: &Arc<ScopeCore>, earlier: Snapshot) -> Snapshot {
    let mut snapshot = snapshot::read(core, Some(after(Instant::now(), PATIENCE)));
    early::add(earlier, &mut snapshot);
    snapshot
}

/// Reads the stack of a thread that is overdue or stuck, for a warning: where the thread is, and
/// the functions around that place, innermost first. Or says why there is no stack. Empty if the
/// program has switched stacks off. May block on a file, so *watch* does not call it.
pub(crate) fn stack_line(root: &Root, os_tid: u32) -> String {
    let until = after(Instant::now(), PATIENCE);
    let mut capturing = Capturing::new(until);
    capturing.take(os_tid, of_overdue(root));
    match capturing.named(until, Files::All, &mut Vec::new()).of(os_tid) {
        (Some(stack), _) => {
            let callers = stack.callers(CALLERS);
            if callers.are_known() { format!("{stack} < {callers}") } else { stack.to_string() }
        }
        (None, Some(why)) => format!("none: {why}"),
        (None, None) => String::new(),
    }
}

/// A thread of a program without a registry gets no signal, because the program has not given its
/// signals away.
fn of_overdue(root: &Root) -> Stacks {
    let unset = if root.is_registry() { Stacks::All } else { Stacks::Asleep };
    root.stacks().unwrap_or(unset)
}

fn look(core: &Arc<ScopeCore>, look: &Look) -> Snapshot {
    match stack_lack(ROOM_OF_LOOK) {
        Some(why) => snapshot::unread(core, why),
        None => deep(core, look),
    }
}

fn deep(core: &Arc<ScopeCore>, look: &Look) -> Snapshot {
    // First: the frames of the callers are above this variable, and what the look keeps is below.
    let local = 0;
    let outer = Outer::of(&local);
    let now = Instant::now();
    let until = after(now, look.within);
    let mut snapshot = snapshot::read(core, Some(until));
    let read_at = Instant::now();
    // On a busy machine the tree of a crowd takes all the time, and the few threads that matter
    // most, which come first, would not be asked about.
    let until = until.max(after(read_at, look.within / 2));
    let Snapshot { root, ending, foreign, limits, .. } = &mut snapshot;
    // A quarter of the time is kept for the names, without which the stacks say little.
    let captured =
        if look.stacks == Stacks::Off { until } else { until.checked_sub(look.within / 4).unwrap_or(until) };
    let (mut asking, mut capturing) = (Asking::new(Some(captured)), Capturing::new(captured));
    let mut rows = rows::by_interest(root);
    let is_asked = |row: &ThreadStatus| row.overdue_for.is_some() || (look.kernel && !rows::is_in_wait(row));
    let of_most_interest = rows.iter_mut().take(FIRST);
    of_most_interest.filter(|row| is_asked(row)).for_each(|row| ask(&mut asking, row, &core.root));
    for (place, row) in rows.iter_mut().enumerate() {
        let is_overdue = row.overdue_for.is_some();
        if place >= FIRST && is_asked(row) {
            ask(&mut asking, row, &core.root);
        }
        let is_wanted = look.of_all || wants_stack(row);
        if let Some(os_tid) = row.os_tid.filter(|_| is_wanted && rows::is_live(row)) {
            capturing.take(os_tid, if is_overdue { look.overdue } else { look.stacks });
        }
    }
    for row in &mut *ending {
        if look.kernel {
            let Asked { run_state, kernel, .. } = asking.ask(row.os_tid);
            (row.run_state, row.kernel) = (run_state, kernel);
        }
        capturing.take(row.os_tid, look.stacks);
    }
    // Foreign threads are not ours to disturb.
    let asleep = if look.stacks == Stacks::Off { Stacks::Off } else { Stacks::Asleep };
    for row in foreign.iter().filter(|row| row.unknown.is_none()) {
        capturing.take(row.os_tid, asleep);
    }
    limits.extend(asking.limits());
    // Behind the answers of the kernel: see `later`. Before files are read, which takes time.
    if rows.iter().any(|row| later::is_open(row)) {
        later::correct(&mut rows, snapshot::scopes(core, Some(until)));
    }
    let taken = capturing.named(until, look.files, limits);
    for row in rows {
        (row.stack, row.no_stack) = row.os_tid.map(|os_tid| taken.of(os_tid)).unwrap_or_default();
    }
    for row in ending {
        (row.stack, row.no_stack) = taken.of(row.os_tid);
    }
    for row in foreign {
        (row.stack, row.no_stack) = taken.of(row.os_tid);
    }
    // After `named`, which has released the session's lock: `holders` takes the lock again.
    if look.kernel {
        holders::add(&mut snapshot, look.stacks, until, outer);
    }
    if !snapshot.cycles.is_empty() {
        // A wait counts if it began before `read_at`. The age is computed after `later` was read,
        // so it is rather too long: a cycle may be missed, but none is invented.
        let later = snapshot::scopes(core, Some(until));
        cycles::keep_lasting(&mut snapshot.cycles, &later, read_at.elapsed());
    }
    snapshot
}

fn ask(asking: &mut Asking, row: &mut ThreadStatus, root: &Root) {
    if let Some(os_tid) = row.os_tid {
        let Asked { run_state, kernel, cpu, asleep } = asking.ask(os_tid);
        (row.run_state, row.kernel, row.cpu) = (run_state, kernel, cpu);
        let now = Instant::now();
        // The first view to find these counters gets `now` back, which tells nothing of a time.
        let since = asleep.map(|ran| root.board.asleep_since(row.id, ran, now));
        row.asleep_for = since.filter(|since| *since < now).map(|since| now - since);
    }
}

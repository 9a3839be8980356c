//! Owns which threads stand above the tree, because a reader in trouble looks for them first.
//! Refuses to call a thread stuck: each heading says only what was seen.

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use crate::outcome::dump::alike::{self, MANY, Shapes};
use crate::outcome::dump::cycles;
use crate::outcome::dump::row::write_thread;
use crate::outcome::dump::tree::{Item, Row, Tree, items_of};
use crate::outcome::status::edge::Cycle;
use crate::outcome::status::kernel::RunState;
use crate::outcome::status::snapshot::{Role, ScopeStatus, ThreadState, ThreadStatus};
use crate::outcome::together::together;
use crate::outcome::words::{ITS_ENDS, ITS_THREADS, Thousands, Twins};
use crate::rt::index::Index;
use crate::rt::order::sort_by_key;
use crate::rt::shown::Shown;

/// Number of rows above the tree. Further threads stand in the tree, as all others do.
const MOST: usize = 40;
/// A thread that has waited so long to hand something over waits for a consumer that is too slow.
const HELD_UP: Duration = Duration::from_secs(1);

/// Why a thread stands above the tree, in the order in which they stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// Its share of the grace has passed, and it waits for no other thread.
    Overdue,
    /// The looks at the health of the threads have an alarm about it.
    Unhealthy,
    /// It was asked to stop, is not home, and waits for no other thread.
    Told,
    /// Its runs fail.
    Restarted,
    /// Its starter waits for it.
    Starting,
    /// It waits to hand something over.
    HeldUp,
    /// It is in no wait of homebound's, and on a processor or waiting for one: work, or a loop.
    Computing,
    /// It sleeps in the kernel, in no wait of homebound's: for any time.
    Blocked,
    /// It is in no wait of homebound's, and the kernel has not said what it does.
    Outside,
}

impl Why {
    fn text(self) -> &'static str {
        match self {
            Why::Overdue => "OVERDUE",
            Why::Unhealthy => "unhealthy",
            Why::Told => "asked to stop and not home",
            Why::Restarted => "restarted after a failure",
            Why::Starting => "not ready yet",
            Why::HeldUp => "held up by a full queue",
            Why::Computing => "computing",
            Why::Blocked => "blocked outside of homebound",
            Why::Outside => "in no wait of homebound's",
        }
    }

    fn of(row: Row<'_>) -> Option<Why> {
        let thread = row.thread;
        let is_left_out = thread.role == Role::Internal || row.inside.is_some();
        if is_left_out || thread.state == ThreadState::Ended {
            return None;
        }
        if thread.overdue_for.is_some() && !waits_for_others(thread) {
            return Some(Why::Overdue);
        }
        if thread.alarm.is_some() {
            return Some(Why::Unhealthy);
        }
        // A guest hears the stop, and no thread waits for it.
        if thread.stopping_for.is_some() && thread.role != Role::Guest && !waits_for_others(thread) {
            return Some(Why::Told);
        }
        if thread.last_failure.is_some() {
            return Some(Why::Restarted);
        }
        if thread.starting_for.is_some() {
            return Some(Why::Starting);
        }
        let long = thread.waiting_for.is_some_and(|since| since >= HELD_UP);
        match thread.wait {
            Some(wait) => (long && matches!(wait.what, "send" | "a place in")).then_some(Why::HeldUp),
            None => {
                (thread.state == ThreadState::Running && !is_caller(thread)).then(|| Why::outside(thread))
            }
        }
    }

    /// For a thread in no wait of homebound's: what the kernel says of it.
    fn outside(thread: &ThreadStatus) -> Why {
        match thread.run_state {
            Some(RunState::Running) => Why::Computing,
            Some(RunState::Sleeping | RunState::Uninterruptible) => Why::Blocked,
            Some(RunState::Suspended | RunState::Other) | None => Why::Outside,
        }
    }
}

/// True for the thread that takes the snapshot: the kernel is not asked about it.
pub(crate) fn is_caller(thread: &ThreadStatus) -> bool {
    thread.run_state == Some(RunState::Running) && thread.kernel.is_none()
}

/// True if the thread is late or not home only because another one is.
fn waits_for_others(thread: &ThreadStatus) -> bool {
    let waits = thread.wait.is_some_and(|wait| matches!(wait.what, ITS_THREADS | ITS_ENDS));
    let known = thread.waits_for.iter().any(|edge| edge.known);
    waits || known || thread.waits_for_first_of.is_some()
}

/// The threads above the tree.
pub(crate) struct First<'a> {
    cycles: &'a [Cycle],
    /// The rows of the threads of `cycles`.
    circled: Index<Row<'a>>,
    /// Each a row, or several that are alike.
    groups: Vec<(Why, Vec<Row<'a>>)>,
    /// All threads above the tree.
    pub(crate) threads: Index<()>,
}

impl<'a> First<'a> {
    pub(crate) fn of(tree: &Tree<'a>, shapes: &Shapes) -> First<'a> {
        let cycles = &tree.snapshot.cycles;
        let edges = cycles.iter().take(cycles::MOST).flat_map(|cycle| &cycle.edges);
        let in_cycle: Index<()> = edges.filter_map(|edge| Some(edge.thread?.0)).collect();
        let (mut circled, mut rows) = (Index::new(), Vec::new());
        for row in all_rows(&tree.snapshot.root) {
            if in_cycle.contains(row.thread.id.0) {
                circled.insert(row.thread.id.0, row);
            } else {
                rows.extend(Why::of(row).map(|why| (why, row)));
            }
        }
        let mut groups = Vec::new();
        for group in together(rows, |(_, row)| shapes.thread(row.thread)) {
            let size = if group.len() < MANY { 1 } else { group.len() };
            for part in group.chunks(size) {
                let why = part.iter().map(|(why, _)| *why).min().unwrap_or(Why::Outside);
                groups.push((why, part.iter().map(|(_, row)| *row).collect::<Vec<_>>()));
            }
        }
        // The rare ones first, because what many threads do is mostly no trouble.
        sort_by_key(&mut groups, |(why, rows)| (*why, rows.len(), weight(rows)));
        groups.truncate(MOST);
        let mut threads: Index<()> = circled.keys().collect();
        for (_, rows) in &groups {
            threads.extend(rows.iter().map(|row| (row.thread.id.0, ())));
        }
        First { cycles, circled, groups, threads }
    }

    /// Writes the rows, a heading before those of each kind.
    pub(crate) fn write(&self, f: &mut fmt::Formatter<'_>, tree: &Tree<'a>) -> fmt::Result {
        for cycle in self.cycles.iter().take(cycles::MOST) {
            cycles::write_cycle(f, tree, cycle, &self.circled)?;
        }
        if let Some(more) = self.cycles.len().checked_sub(cycles::MOST).filter(|more| *more > 0) {
            writeln!(f, "and {more} deadlocks more")?;
        }
        let paths =
            Twins::among(&mut self.groups.iter().flat_map(|(_, rows)| rows).map(|row| &*row.thread.path));
        let mut last = None;
        for (why, rows) in &self.groups {
            if last.replace(*why) != Some(*why) {
                writeln!(f, "{}:", why.text())?;
            }
            match &rows[..] {
                [row] => {
                    let body = if row.thread.role == Role::Body { "body of " } else { "" };
                    let (path, mark) = (Shown(&row.thread.path), paths.mark(&row.thread.path, row.thread.id));
                    write_thread(f, tree, *row, &format!("  {body}{path}{mark}"), "      ")?;
                }
                rows => alike::write_threads(f, tree, rows, "  ", "      ")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for First<'_> {
    /// The verdict: `1 deadlock, 2 OVERDUE, 3 blocked outside of homebound`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        let is_known = |cycle: &&Cycle| cycle.known;
        let known = self.cycles.iter().filter(is_known).count();
        for (count, what) in [(known, "deadlock"), (self.cycles.len() - known, "perhaps deadlock")] {
            let plural = if count == 1 { "" } else { "s" };
            parts.extend((count > 0).then(|| format!("{count} {what}{plural}")));
        }
        let whys = [
            Why::Overdue,
            Why::Unhealthy,
            Why::Told,
            Why::Restarted,
            Why::Starting,
            Why::HeldUp,
            Why::Computing,
            Why::Blocked,
            Why::Outside,
        ];
        for why in whys {
            let count: usize =
                self.groups.iter().filter(|(it, _)| *it == why).map(|(_, rows)| rows.len()).sum();
            parts.extend((count > 0).then(|| format!("{} {}", Thousands(count as u64), why.text())));
        }
        if parts.is_empty() { f.write_str("nothing stands out") } else { f.write_str(&parts.join(", ")) }
    }
}

/// The rows of all threads, scope by scope.
fn all_rows(root: &ScopeStatus) -> Vec<Row<'_>> {
    let (mut rows, mut scopes) = (Vec::new(), vec![root]);
    while let Some(scope) = scopes.pop() {
        rows.extend(items_of(scope).into_iter().filter_map(|item| match item {
            Item::Thread(row, _) => Some(row),
            Item::Scope(_) => None,
        }));
        scopes.extend(scope.scopes.iter().rev());
    }
    rows
}

/// Orders rows of a kind: first threads that no signal wakes, then threads that sleep, then threads
/// that run; in each group, the thread that has been away for longest is first.
fn weight(rows: &[Row<'_>]) -> (u8, Reverse<Duration>) {
    let Some(thread) = rows.first().map(|row| row.thread) else { return Default::default() };
    let state = match thread.run_state {
        Some(RunState::Uninterruptible) => 0,
        Some(RunState::Suspended) => 1,
        Some(RunState::Sleeping) => 2,
        Some(RunState::Running | RunState::Other) | None => 3,
    };
    let since = [thread.overdue_for, thread.stopping_for, thread.waiting_for];
    (state, Reverse(since.into_iter().flatten().next().unwrap_or_default()))
}

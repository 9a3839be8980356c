//! Owns which threads stand above the tree, because a reader in trouble looks for them first.
//! Refuses to call a thread stuck: each heading says only what was seen.

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use crate::outcome::dump::alike::{self, MANY, Shapes};
use crate::outcome::dump::count::Sorts;
use crate::outcome::dump::cycles;
use crate::outcome::dump::items::{Item, Row, Tree, is_caller, items_of};
use crate::outcome::dump::row::{CALLERS, runs_own_code, write_thread};
use crate::outcome::status::edge::Cycle;
use crate::outcome::status::kernel::RunState;
use crate::outcome::status::snapshot::{Role, ScopeStatus, ThreadState, ThreadStatus};
use crate::outcome::together::together;
use crate::outcome::words::{ITS_CALLBACK, ITS_ENDS, ITS_THREADS, Thousands, Twins};
use crate::rt::index::Index;
use crate::rt::order::sort_by_key;
use crate::rt::shown::Shown;

/// Number of rows above the tree, and of rows of one kind, so that a crowd of one kind hides no
/// other. Further threads stand in the tree, as all others do.
const MOST: usize = 40;
const OF_A_KIND: usize = 20;
/// Number of kinds: of values of [`Why`].
const KINDS: usize = 10;
/// A thread that has waited so long to hand something over waits for a consumer that is too slow.
const HELD_UP: Duration = Duration::from_secs(1);

/// Why a thread stands above the tree, in the order in which they stand there: a thread that waits
/// for another one is mostly its victim, so it comes last.
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
    /// It has been named as the holder of a lock for which another thread waits, and is in a wait
    /// of homebound's itself.
    Holder,
    /// It is in no wait of homebound's, and on a processor or waiting for one: work, or a loop.
    Computing,
    /// It sleeps in the kernel, in no wait of homebound's: for any time.
    Blocked,
    /// It is in no wait of homebound's, and the kernel has not said what it does.
    Outside,
    /// It waits to hand something over, for a consumer that has not come.
    HeldUp,
}

impl Why {
    fn text(self) -> &'static str {
        match self {
            Why::Overdue => "OVERDUE",
            Why::Unhealthy => "unhealthy",
            Why::Told => "asked to stop and not home",
            Why::Restarted => "restarted after a failure",
            Why::Starting => "not ready yet",
            Why::Holder => "named as holder of a lock",
            Why::Computing => "computing",
            Why::Blocked => "blocked outside of homebound",
            Why::Outside => "in no wait of homebound's",
            Why::HeldUp => "held up by a full queue",
        }
    }

    fn of(row: Row<'_>, awaited: &Awaited) -> Option<Why> {
        let thread = row.thread;
        // A thread inside of a scope runs its body, which has a row of its own in that scope.
        let is_left_out = !runs_own_code(thread) || row.inside.is_some();
        if is_left_out || thread.state == ThreadState::Ended {
            return None;
        }
        // The order of the tests is the order of `Why`: a thread stands under its gravest heading.
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
        // A holder in no wait of ours gets its heading from the kernel's view, below.
        if thread.wait.is_some() && awaited.holders.contains(thread.id.0) {
            return Some(Why::Holder);
        }
        // The texts are those of `Context::send`, and of `Pool` for a full queue.
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

/// True if the thread is late or not home only because another one is.
fn waits_for_others(thread: &ThreadStatus) -> bool {
    let waits = thread.wait.is_some_and(|wait| matches!(wait.what, ITS_THREADS | ITS_ENDS | ITS_CALLBACK));
    // A guessed holder does not count, because the guess may be wrong.
    let known = thread.waits_for.iter().any(|edge| edge.known);
    waits || known || thread.waits_for_first_of.is_some()
}

/// Number of threads or rows of each kind.
#[derive(Default)]
struct Counts([(Option<Why>, usize); KINDS]);

impl Counts {
    fn of(&mut self, why: Why) -> &mut usize {
        let (kind, count) = &mut self.0[why as usize];
        *kind = Some(why);
        count
    }

    /// The kinds of which there are some, in the order in which they stand above the tree.
    fn iter(&self) -> impl Iterator<Item = (Why, usize)> {
        self.0.iter().filter_map(|(why, count)| why.zip(Some(*count)))
    }
}

/// The threads for which other threads wait.
struct Awaited {
    all: Index<()>,
    /// Because they hold a lock, or perhaps do.
    holders: Index<()>,
}

impl Awaited {
    fn of(rows: &[Row<'_>]) -> Awaited {
        let mut awaited = Awaited { all: Index::new(), holders: Index::new() };
        for edge in rows.iter().flat_map(|row| &row.thread.waits_for) {
            // An edge to a scope names no thread that could stand first.
            let Some(thread) = edge.thread else { continue };
            awaited.all.insert(thread.0, ());
            if edge.lock.is_some() {
                awaited.holders.insert(thread.0, ());
            }
        }
        awaited
    }

    /// The place of a row, or of rows that are alike, among the rows of one kind. A thread that
    /// another thread waits for, and that waits for no thread itself, comes first; a thread that
    /// waits for another thread comes last. In a crowd, one thread in a join is no sign.
    fn rank(&self, rows: &[Row<'_>]) -> u8 {
        match rows {
            [row] if row.thread.waits_for.is_empty() && self.all.contains(row.thread.id.0) => 0,
            rows if rows.iter().any(|row| row.thread.waits_for.is_empty()) => 1,
            _ => 2,
        }
    }
}

/// The threads above the tree.
pub(crate) struct First<'a> {
    cycles: &'a [Cycle],
    /// The rows of the threads of `cycles`.
    circled: Index<Row<'a>>,
    /// Each a row, or several that are alike.
    groups: Vec<(Why, Vec<Row<'a>>)>,
    /// Number of threads of each kind, also of threads for which there was no room.
    counts: Counts,
    /// The same, by the places of [`Sorts::NAMES`].
    sorted: [Counts; 3],
    /// Paths of several threads, of which some may stand in the tree alone.
    twins: Twins<'a>,
    /// All threads above the tree.
    pub(crate) threads: Index<()>,
}

impl<'a> First<'a> {
    pub(crate) fn of(tree: &Tree<'a>, shapes: &Shapes) -> First<'a> {
        let cycles = &tree.snapshot.cycles;
        // Only of the cycles that are shown. Threads of the others are sorted in with the rest.
        let edges = cycles.iter().take(cycles::MOST).flat_map(|cycle| &cycle.edges);
        let in_cycle: Index<()> = edges.filter_map(|edge| Some(edge.thread?.0)).collect();
        let all = all_rows(&tree.snapshot.root);
        let awaited = Awaited::of(&all);
        let (mut circled, mut rows) = (Index::new(), Vec::new());
        for row in &all {
            if in_cycle.contains(row.thread.id.0) {
                circled.insert(row.thread.id.0, *row);
            } else {
                rows.extend(Why::of(*row, &awaited).map(|why| (why, *row)));
            }
        }
        let mut groups = Vec::new();
        // Grouped before the cut to `MOST`, so that a crowd takes the place of one row.
        for group in together(rows, |(_, row)| shapes.thread(row.thread)) {
            let size = if group.len() < MANY { 1 } else { group.len() };
            for part in group.chunks(size) {
                // Of rows that are alike, one may be named as a holder: the first heading counts.
                let why = part.iter().map(|(why, _)| *why).min().unwrap_or(Why::Outside);
                groups.push((why, part.iter().map(|(_, row)| *row).collect::<Vec<_>>()));
            }
        }
        let (mut counts, mut sorted) = (Counts::default(), <[Counts; 3]>::default());
        let sorts = Sorts::of(&tree.snapshot.root);
        // Counted before groups are cut off, because the verdict and the headings tell of all.
        for (why, rows) in &groups {
            *counts.of(*why) += rows.len();
            rows.iter().for_each(|row| *sorted[sorts.sort(row.thread)].of(*why) += 1);
        }
        // The rare ones first, because what many threads do is mostly no trouble.
        sort_by_key(&mut groups, |(why, rows)| (*why, awaited.rank(rows), rows.len(), weight(rows)));
        let mut of_kind = Counts::default();
        groups.retain(|(why, _)| {
            let count = of_kind.of(*why);
            *count += 1;
            *count <= OF_A_KIND
        });
        groups.truncate(MOST);
        let mut threads: Index<()> = circled.keys().collect();
        for (_, rows) in &groups {
            threads.extend(rows.iter().map(|row| (row.thread.id.0, ())));
        }
        let twins = twins(&groups, &all);
        First { cycles, circled, groups, counts, sorted, twins, threads }
    }

    /// Writes the rows, a heading before those of each kind.
    pub(crate) fn write(&self, f: &mut fmt::Formatter<'_>, tree: &Tree<'a>) -> fmt::Result {
        for cycle in self.cycles.iter().take(cycles::MOST) {
            cycles::write_cycle(f, tree, cycle, &self.circled)?;
        }
        if let Some(more) = self.cycles.len().checked_sub(cycles::MOST).filter(|more| *more > 0) {
            writeln!(f, "and {more} deadlocks more")?;
        }
        let mut last = None;
        for (why, rows) in &self.groups {
            if last.replace(*why) != Some(*why) {
                self.write_heading(f, *why)?;
            }
            match &rows[..] {
                [row] => {
                    let body = if row.thread.role == Role::Body { "body of " } else { "" };
                    let (path, mark) =
                        (Shown(&row.thread.path), self.twins.mark(&row.thread.path, row.thread.id));
                    let title = format!("  {body}{path}{mark}");
                    write_thread(f, tree, *row, (&title, "      "), CALLERS)?;
                }
                rows => alike::write_threads(f, tree, rows, "  ", "      ")?,
            }
        }
        Ok(())
    }

    /// Writes what the rows below have in common, and how many others there was no room for.
    fn write_heading(&self, f: &mut fmt::Formatter<'_>, why: Why) -> fmt::Result {
        let of_kind = self.groups.iter().filter(|(of, _)| *of == why);
        let (shown, all) = (of_kind.map(|(_, rows)| rows.len()).sum(), self.counts.0[why as usize].1);
        match Some(all).filter(|all| *all > shown) {
            Some(all) => {
                writeln!(f, "{} ({shown} of {}, the others in the tree):", why.text(), Thousands(all as u64))
            }
            None => writeln!(f, "{}:", why.text()),
        }
    }
}

impl fmt::Display for First<'_> {
    /// The verdict: `1 deadlock, 2 OVERDUE, 1 body OVERDUE, 3 blocked outside of homebound`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        let is_known = |cycle: &&Cycle| cycle.known;
        let known = self.cycles.iter().filter(is_known).count();
        for (count, what) in [(known, "deadlock"), (self.cycles.len() - known, "perhaps deadlock")] {
            let plural = if count == 1 { "" } else { "s" };
            parts.extend((count > 0).then(|| format!("{count} {what}{plural}")));
        }
        for (why, _) in self.counts.iter() {
            for (sort, [one, several]) in self.sorted.iter().zip(Sorts::NAMES) {
                let count = sort.0[why as usize].1;
                let sort = if count == 1 { one } else { several };
                parts
                    .extend((count > 0).then(|| format!("{} {sort}{}", Thousands(count as u64), why.text())));
            }
        }
        if parts.is_empty() { f.write_str("nothing stands out") } else { f.write_str(&parts.join(", ")) }
    }
}

/// The paths of `groups` that several of all threads have.
fn twins<'a>(groups: &[(Why, Vec<Row<'a>>)], all: &[Row<'a>]) -> Twins<'a> {
    let mut shown: Vec<_> = groups.iter().flat_map(|(_, rows)| rows).map(|row| &*row.thread.path).collect();
    sort_by_key(&mut shown, |path| *path);
    let paths = all.iter().map(|row| &*row.thread.path);
    Twins::among(&mut paths.filter(|path| shown.binary_search(path).is_ok()))
}

/// The rows of all threads, scope by scope.
fn all_rows(root: &ScopeStatus) -> Vec<Row<'_>> {
    let (mut rows, mut scopes) = (Vec::new(), vec![root]);
    while let Some(scope) = scopes.pop() {
        rows.extend(items_of(scope).into_iter().filter_map(|item| match item {
            Item::Thread(row, _) => Some(row),
            Item::Scope(_) => None,
        }));
        // Reversed, because the list is emptied from its end.
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
    // The first of these times that the thread has. A thread without any of them comes last.
    let since = [thread.overdue_for, thread.stopping_for, thread.waiting_for];
    (state, Reverse(since.into_iter().flatten().next().unwrap_or_default()))
}

//! Owns the reading of the tree: from scopes and records to plain data.
//! Refuses to hold a lock for more than [`PORTION`] threads, to wait long for a lock, and to ask
//! the kernel about a thread: `sight` does.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime};
use std::vec::IntoIter;

use crate::outcome::status::call::CallStatus;
use crate::outcome::status::edge::Edge;
use crate::outcome::status::id::{ScopeId, ThreadId};
use crate::outcome::status::outside::{EndingThread, IdleThread};
use crate::outcome::status::process_facts::ProcessFacts;
use crate::outcome::status::setting::{CoresStatus, PriorityStatus};
use crate::outcome::status::snapshot::{
    Role, ScopeState, ScopeStatus, Snapshot, ThreadState, ThreadStatus, WaitStatus,
};
use crate::rt::awake;
use crate::rt::options::Setting;
use crate::sys;
use crate::tree::core::{Kind, ScopeCore};
use crate::tree::record::Record;
use crate::tree::root::Root;
use crate::tree::state::Phase;
use crate::tree::text::escape;
use crate::tree::waiting::{Of, Wait};

/// Number of threads that are copied under one hold of their scope's lock.
const PORTION: usize = 64;

/// Depth to which the data of a snapshot is nested (A5): the code that walks and drops the data,
/// derived code included, recurs as deep.
const DEEPEST: usize = 8;

/// Time that one scope's lock is waited for, at most.
const BUSY: Duration = Duration::from_millis(100);

/// Reads the tree. `until`: the end of the time to wait for locks in all; `None` for a wait that is
/// bounded for each lock alone.
pub(crate) fn read(core: &Arc<ScopeCore>, until: Option<Instant>) -> Snapshot {
    let is_root = core.parent.is_none();
    let root = scopes(core, until);
    let (foreign, idle, ending) =
        if is_root { (core.root.foreign(), idle(core), ending(core)) } else { Default::default() };
    let program = std::env::current_exe().map(|path| path.to_string_lossy().into_owned());
    Snapshot {
        taken_at: SystemTime::now(),
        process: process(program.unwrap_or_default()),
        status: said(&core.root).filter(|_| is_root),
        cycles: Vec::new(),
        root,
        foreign,
        idle,
        ending,
        limits: core.root.board.blind().filter(|_| is_root).into_iter().collect(),
    }
}

/// Reads the scopes and their threads alone.
pub(crate) fn scopes(core: &Arc<ScopeCore>, until: Option<Instant>) -> ScopeStatus {
    Reader { until }.tree(core)
}

fn process(program: String) -> ProcessFacts {
    ProcessFacts { pid: std::process::id(), program, uptime: sys::uptime() }
}

/// A snapshot of a scope without what is in it, for the reason in `limits`.
pub(crate) fn unread(core: &Arc<ScopeCore>, why: String) -> Snapshot {
    let (cycles, foreign, idle, ending) = Default::default();
    let (process, root) = (process(String::new()), bare(core, 0));
    let limits = vec![why];
    Snapshot {
        taken_at: SystemTime::now(),
        process,
        status: None,
        cycles,
        root,
        foreign,
        idle,
        ending,
        limits,
    }
}

/// What the program says about itself, unless the lock of that is not free in time.
fn said(root: &Root) -> Option<String> {
    root.status.try_lock_for(BUSY)?.as_deref().map(str::to_owned)
}

/// The reading of one tree.
struct Reader {
    until: Option<Instant>,
}

impl Reader {
    /// The scope and all scopes below it. Iterative: depth costs no stack.
    fn tree(&self, core: &Arc<ScopeCore>) -> ScopeStatus {
        let (root, inner) = self.scope(core, 0);
        // `nested`: the scopes from the root to where the walk is, up to `DEEPEST`. `walks`: for
        // each scope on that way, the scopes below it that were not visited.
        let (mut nested, mut root, mut walks) = (Vec::new(), root, vec![inner]);
        while let Some(walk) = walks.last_mut() {
            if let Some(core) = walk.next() {
                let (status, inner) = self.scope(&core, walks.len());
                walks.push(inner);
                // Deeper scopes stand beside each other, in the innermost nested one.
                if nested.len() < DEEPEST {
                    nested.push(status);
                } else {
                    holder(&mut nested, &mut root).scopes.push(status);
                }
                continue;
            }
            // All below is visited: a nested scope goes into its parent.
            walks.pop();
            let done = if walks.len() <= nested.len() { nested.pop() } else { None };
            if let Some(done) = done {
                holder(&mut nested, &mut root).scopes.push(done);
            }
        }
        root
    }

    /// One scope without the scopes inside it, and a list of those scopes.
    fn scope(&self, core: &Arc<ScopeCore>, depth: usize) -> (ScopeStatus, IntoIter<Arc<ScopeCore>>) {
        let mut status = bare(core, depth);
        // A holder may be stuck: then the scope is shown as busy, with no threads.
        let Some(state) = core.lock_within(self.patience()) else {
            status.busy = true;
            return (status, IntoIter::default());
        };
        let (body, internal, phase) = (state.body.clone(), state.internal.clone(), state.phase);
        status.threads.reserve(state.entries.len() + state.guests.len() + internal.len() + 1);
        let mut scopes: Vec<_> = state.scopes.values().filter_map(Weak::upgrade).collect();
        let guests: Vec<_> = state.guests.values().cloned().collect();
        drop(state);
        // A guest's scope has no parent, but is shown below the guest (A6).
        scopes.extend(guests.iter().flat_map(|guest| guest.opened()));
        // One look at the node, so that the state and the reason of a stop come together.
        status.stop_reason = core.node.asked_at().map(|_| (*core.node.reason()).clone());
        status.state = stage(phase, status.stop_reason.is_some());
        self.describe(body.as_slice(), &mut status);
        // In portions, with the lock free between them: a spawn or an ending thread waits for one
        // portion at most.
        let mut next = ThreadId(0);
        loop {
            let Some(portion) = portion(core, next, self.patience()) else {
                status.busy = true;
                break;
            };
            self.describe(&portion, &mut status);
            match portion.last() {
                Some(last) if portion.len() == PORTION => next = ThreadId(last.id.0 + 1),
                _ => break,
            }
        }
        self.describe(&guests, &mut status);
        self.describe(&internal, &mut status);
        (status, scopes.into_iter())
    }

    /// Time to wait for the next lock. Bounded for a dump in all, because many scopes may be locked
    /// by threads that hang.
    fn patience(&self) -> Duration {
        let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        left.map_or(BUSY, |left| left.min(BUSY))
    }

    /// Adds the threads that have not ended.
    fn describe(&self, records: &[Arc<Record>], status: &mut ScopeStatus) {
        let now = Instant::now();
        let live = records.iter().filter(|record| !record.has_ended());
        status.threads.extend(live.map(|record| thread(record, now)));
    }
}

/// One scope without the threads and the scopes inside it, as far as no lock is needed.
fn bare(core: &ScopeCore, depth: usize) -> ScopeStatus {
    ScopeStatus {
        id: ScopeId(core.id),
        name: core.name.to_string(),
        path: core.path().to_owned(),
        group: core.kind == Kind::Group,
        state: ScopeState::Open,
        stop_reason: None,
        opened_from: core.at,
        age: core.opened_at.elapsed(),
        opened_by: core.opener.as_ref().map(|record| record.id),
        threads: Vec::new(),
        depth,
        scopes: Vec::new(),
        pool: core.pool.get().map(|pool| pool.status()),
        busy: false,
    }
}

/// Reads one thread, at the instant `now`.
pub(crate) fn thread(record: &Arc<Record>, now: Instant) -> ThreadStatus {
    let since = |at: Option<Instant>| at.map(|at| now.saturating_duration_since(at));
    // First: a row with this state has the kernel's id. Pairs with `Record::start`.
    let (has_started, wait) = (record.has_started(), record.wait());
    let os_tid = record.kernel_id();
    let call = os_tid.and_then(|os_tid| record.core.root.running.on(os_tid));
    // A wait that began before the call is around the call: the thread runs the call now, so the
    // wait is not shown.
    let wait = wait.filter(|wait| call.as_ref().is_none_or(|(_, since)| wait.since > *since));
    let (overdue, failed, note) = record.life(|life| {
        let [note, item] = life.notes();
        let note = [note, item].into_iter().flatten().reduce(|one, other| one + ", " + &other);
        (life.overdue_since(), life.failed, note)
    });
    let (starting, runs) = (record.starting_since(), record.runs_seen());
    let (priority, cores) = record.setting().map(|setting| setting_of(setting)).unwrap_or_default();
    let health = record.core.root.board.of(record.id, record.role, wait.is_some());
    ThreadStatus {
        id: record.id,
        name: record.label.name.to_string(),
        purpose: record.label.purpose.to_string(),
        path: record.path().to_owned(),
        role: record.role,
        spawned_at: record.spawned_at,
        spawned_from: record.label.at,
        os_tid: os_tid.filter(|_| !runs.down),
        // The end comes first, because the thread may have ended after its wait was read.
        state: match &wait {
            _ if record.has_ended() => ThreadState::Ended,
            _ if runs.down => ThreadState::Down,
            _ if starting.is_some() => ThreadState::Starting,
            Some(wait) => ThreadState::Waiting { what: wait.what, at: wait.at },
            None if has_started || record.role == Role::Adopted => ThreadState::Running,
            None => ThreadState::Starting,
        },
        note,
        failed,
        run: runs.run,
        restarts: runs.restarts,
        last_failure: runs.last_failure,
        last_failed_ago: since(runs.failed_at),
        failures_in_row: runs.streak.failures,
        gives_up_at: runs.streak.gives_up_at,
        restarts_within: runs.streak.within,
        pause_left: runs.pause_end.map(|end| end.saturating_duration_since(now)),
        starting_for: since(starting),
        wait: wait.as_ref().map(status_of),
        waiting_for: since(wait.as_ref().map(|wait| wait.since)),
        stopping_for: since(record.node.asked_at().map(awake::system)),
        overdue_for: since(overdue.map(awake::system)),
        run_state: None,
        kernel: None,
        cpu: None,
        stack: None,
        no_stack: None,
        waits_for: wait.as_ref().and_then(edge).into_iter().collect(),
        wants: None,
        asleep_for: None,
        waits_for_first_of: wait.as_ref().and_then(first_of),
        call: call
            .map(|(what, since)| CallStatus { what, running_for: now.saturating_duration_since(since) }),
        process: record.process().map(|facts| facts.status()),
        priority,
        cores,
        job: record.job().and_then(|job| job.status()),
        pulse: health.pulse,
        alarm: health.alarm,
    }
}

fn status_of(wait: &Wait) -> WaitStatus {
    WaitStatus { what: wait.what, at: wait.at, outside: matches!(wait.of, Of::Outside) }
}

/// The OS threads of the root that have left their last routine and have not ended: they run
/// destructors of thread-locals, or join other threads.
fn ending(core: &ScopeCore) -> Vec<EndingThread> {
    let threads = core.root.cache.ending_threads().into_iter();
    // A thread whose destructors have run is gone from the kernel's list, and only waits to be
    // joined.
    threads
        .filter(|(os_tid, ..)| sys::is_there(*os_tid))
        .map(|(os_tid, name, title)| {
            let path = format!("{}/{}", title.place, escape(&name));
            let (name, purpose) = (name.into_owned(), title.purpose.into_owned());
            let joins = title.joins.map(|joins| joins.into_owned());
            let (run_state, kernel, stack, no_stack) = <_>::default();
            EndingThread { os_tid, name, purpose, path, joins, run_state, kernel, stack, no_stack }
        })
        .collect()
}

/// The scope that the scopes below the innermost of `nested` are put into.
fn holder<'a>(nested: &'a mut [ScopeStatus], root: &'a mut ScopeStatus) -> &'a mut ScopeStatus {
    nested.last_mut().unwrap_or(root)
}

/// The warm OS threads of the root.
fn idle(core: &ScopeCore) -> Vec<IdleThread> {
    let threads = core.root.cache.idle_threads().into_iter();
    threads.map(|(os_tid, name)| IdleThread { os_tid, name: name.to_string() }).collect()
}

/// What a thread was asked to run with, and what the system has given.
fn setting_of(setting: &Setting) -> (PriorityStatus, Option<CoresStatus>) {
    let given = setting.given();
    let asked = setting.cores.clone();
    let priority =
        PriorityStatus { asked: setting.priority, applied: given.priority, why: given.why_priority };
    (priority, asked.map(|asked| CoresStatus { asked, applied: given.cores, why: given.why_cores }))
}

/// The edge from a waiting thread to the thread or scope that it waits for.
fn edge(wait: &Wait) -> Option<Edge> {
    let (thread, path) = match &wait.of {
        Of::Nobody | Of::Outside | Of::Run(_) | Of::Any(_) => return None,
        Of::Thread(record) => (Some(record.id), record.path()),
        Of::Scope(core) => (None, core.path()),
    };
    Some(Edge { thread, path: path.to_owned(), known: true, os_tid: None, lock: None, why: None })
}

/// The number of threads for the first of which a thread waits.
fn first_of(wait: &Wait) -> Option<usize> {
    match wait.of {
        Of::Any(count) => Some(count),
        _ => None,
    }
}

/// Copies up to [`PORTION`] threads of a scope, from the id `next` on. The caller describes
/// the copies with the lock free, so a spawn or an ending thread waits for this copy at most. Ids
/// only grow, so each thread is met once.
fn portion(core: &ScopeCore, next: ThreadId, patience: Duration) -> Option<Vec<Arc<Record>>> {
    let state = core.lock_within(patience)?;
    let entries = state.entries.values_from(next.0).take(PORTION);
    Some(entries.map(|entry| Arc::clone(&entry.record)).collect())
}

/// The state of a scope, as views show it.
fn stage(phase: Phase, is_stopping: bool) -> ScopeState {
    match phase {
        Phase::Settled => ScopeState::Ended,
        Phase::Finishing => ScopeState::Finishing,
        Phase::Open if is_stopping => ScopeState::Stopping,
        Phase::Open => ScopeState::Open,
    }
}

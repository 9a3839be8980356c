//! Owns the reading of the tree: from scopes and records to plain data.
//! Refuses to hold a lock for longer than it takes to copy some threads, and to wait for one that is held (100 ms at most).

use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::record::Record;
use crate::scope_core::{Kind, ScopeCore};
use crate::settle::stage;
use crate::status::{
    IdleThread, Role, ScopeId, ScopeState, ScopeStatus, Snapshot, ThreadId, ThreadState, ThreadStatus,
};
use crate::sys;

/// How many threads are copied under one hold of their scope's lock.
const PORTION: usize = 64;

pub(crate) fn snapshot(core: &Arc<ScopeCore>) -> Snapshot {
    let foreign = if core.parent.is_none() { core.root.foreign() } else { Vec::new() };
    Snapshot { root: scope(core), foreign, idle: idle(core) }
}

fn idle(core: &ScopeCore) -> Vec<IdleThread> {
    if core.parent.is_some() {
        return Vec::new();
    }
    let threads = core.root.cache.idle_threads().into_iter();
    threads.map(|(os_tid, name)| IdleThread { os_tid, name: name.to_string() }).collect()
}

fn scope(core: &Arc<ScopeCore>) -> ScopeStatus {
    let mut status = ScopeStatus {
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
        scopes: Vec::new(),
        busy: false,
    };
    let Some(state) = core.try_lock() else {
        status.busy = true;
        return status;
    };
    let (body, internal, phase) = (state.body.clone(), state.internal.clone(), state.phase);
    status.threads.reserve(state.entries.len() + internal.len() + 1);
    let scopes: Vec<_> = state.scopes.values().filter_map(Weak::upgrade).collect();
    drop(state);
    status.state = stage(core, phase);
    status.stop_reason = core.node.asked_at().map(|_| (*core.node.reason()).clone());
    describe(body.as_slice(), &mut status);
    let mut next = ThreadId(0);
    loop {
        let Some(portion) = portion(core, next) else {
            status.busy = true;
            break;
        };
        describe(&portion, &mut status);
        match portion.last() {
            Some(last) if portion.len() == PORTION => next = ThreadId(last.id.0 + 1),
            _ => break,
        }
    }
    describe(&internal, &mut status);
    status.scopes = scopes.iter().map(scope).collect();
    status
}

/// So many threads of a scope are copied at a time, from `next` on, and described when its lock is free: whoever spawns or ends
/// waits for no more than these. Ids only grow, so each is met once.
fn portion(core: &ScopeCore, next: ThreadId) -> Option<Vec<Arc<Record>>> {
    let state = core.try_lock()?;
    let entries = state.entries.range(next..).take(PORTION);
    Some(entries.map(|(_, entry)| Arc::clone(&entry.record)).collect())
}

fn describe(records: &[Arc<Record>], status: &mut ScopeStatus) {
    let now = Instant::now();
    let live = records.iter().filter(|record| !record.has_ended());
    status.threads.extend(live.map(|record| thread_at(record, now)));
}

pub(crate) fn thread(record: &Arc<Record>) -> ThreadStatus {
    thread_at(record, Instant::now())
}

fn thread_at(record: &Arc<Record>, now: Instant) -> ThreadStatus {
    let since = |at: Option<Instant>| at.map(|at| now.saturating_duration_since(at));
    let wait = record.wait();
    let overdue = record.life(|life| life.overdue_since);
    let kernel = overdue.and(record.kernel_id()).and_then(sys::kernel_wait);
    let (kernel_wait, system_call) = kernel.map(|wait| (wait.channel, wait.syscall)).unzip();
    ThreadStatus {
        id: record.id,
        name: record.label.name.to_string(),
        purpose: record.label.purpose.to_string(),
        path: record.path().to_owned(),
        role: record.role,
        spawned_at: record.spawned_at,
        spawned_from: record.label.at,
        os_tid: record.kernel_id(),
        state: match wait {
            _ if record.has_ended() => ThreadState::Ended,
            Some(wait) => ThreadState::Waiting { what: wait.what, at: wait.at },
            None if record.has_started() || record.role == Role::Adopted => ThreadState::Running,
            None => ThreadState::Starting,
        },
        waiting_for: since(wait.map(|wait| wait.since)),
        stopping_for: since(record.node.asked_at()),
        overdue_for: since(overdue),
        kernel_wait,
        system_call,
        process: record.process.get().map(|facts| facts.status()),
    }
}

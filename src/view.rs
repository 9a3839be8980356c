//! Owns the reading of the tree: from scopes and records to plain data.
//! Refuses to hold a lock for longer than it takes to copy a list, and to wait for one that is held (100 ms at most).

use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::record::Record;
use crate::scope_core::{Kind, ScopeCore};
use crate::settle::stage;
use crate::status::{IdleThread, Role, ScopeState, ScopeStatus, Snapshot, ThreadState, ThreadStatus};
use crate::sys;

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
    let body = state.body.iter();
    let own = state.entries.values().map(|entry| &entry.record);
    let records: Vec<Arc<Record>> =
        body.chain(own).chain(&state.internal).filter(|record| !record.has_ended()).cloned().collect();
    let scopes: Vec<_> = state.scopes.values().filter_map(Weak::upgrade).collect();
    let phase = state.phase;
    drop(state);
    status.state = stage(core, phase);
    status.stop_reason = core.node.asked_at().map(|_| (*core.node.reason()).clone());
    status.threads = records.iter().map(thread).collect();
    status.scopes = scopes.iter().map(scope).collect();
    status
}

pub(crate) fn thread(record: &Arc<Record>) -> ThreadStatus {
    let now = Instant::now();
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

//! Owns the internal thread *stopper* of a registry. At the request of *watch* it marks the root
//! (for a signal, or at a deadline); it runs the callbacks of `on_stop` for such a stop, writes the
//! log, does the chores of `chores` and the looks of `sight::health`, and drives a scope whose body
//! is late.
//! Refuses to watch the time: *watch* does, and goes on even if *stopper* hangs in code of the
//! program's. The public handle `Stopper` has nothing to do with this thread: it is in
//! `thread::stopper`.

use std::sync::Arc;
use std::time::Instant;

use crate::outcome::reason::{Stop, StopReason};
use crate::registry::chores::Chores;
use crate::registry::shared::{STOPPER, Shared, request};
use crate::registry::stopping_line;
use crate::rt::awake;
use crate::rt::contain::{contain, discard, log_contained};
use crate::shutdown::order::{Driver, step};
use crate::shutdown::overdue;
use crate::sight::warning;
use crate::stop::calls::Calls;
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;
use crate::tree::root::{LogEntry, RootHost, WorkItem};
use crate::tree::state::Phase;
use crate::tree::wait_mark::WaitMark;
use crate::tree::waiting::Of;
use crate::tree::{current, panic_hook};

/// The thread *stopper*: carries out stops, runs callbacks, logs, and drives scopes whose body does
/// not come home.
///
/// *stopper* first marks all nodes that are to be marked, then makes the calls. While it is in the
/// program's code, which may take long or hang, it is *occupied*, and *watch* marks in its stead
/// ([`stand_in`]).
pub(crate) fn stopper(shared: &Shared, own: &Arc<Record>) {
    panic_hook::note_panics();
    current::prepare();
    shared.has_started(STOPPER);
    let mut driven: Vec<Arc<ScopeCore>> = Vec::new();
    let (mut chores, mut calls, mut quits) = (Chores::new(&shared.settings), Calls::default(), false);
    let mut looks =
        shared.settings.looks.zip(shared.settings.health.clone()).map(|(make, health)| make(health));
    let end = |record: &Record, code| shared.doom.pronounce(record, code, &shared.waker);
    loop {
        // Before the looks below: a request or work item that comes after this ends the wait at the
        // end of the round at once. Pairs with `wake_stopper`.
        let seen = shared.changes.epoch();
        if let Some(core) = shared.root.get() {
            answer(shared, core, shared.take_requests(u32::MAX), &mut driven, &mut calls);
        }
        // Calls are collected, not made here: marking comes first.
        while let Some(work) = shared.next_work_item() {
            match work {
                WorkItem::Quit => quits = true,
                WorkItem::Drive(core) => drive(core, &mut driven),
                WorkItem::Call(others) => calls.add(others),
                WorkItem::Log(entry) => calls.add(Calls::log(|| log(entry))),
            }
        }
        let until = step_all(&mut driven, &mut calls);
        let chores_at = chores.attend(Instant::now(), &mut calls);
        let look = |core: &Arc<ScopeCore>| {
            // A thread that says what to expect of it may be the first to ask for looks.
            looks = looks.take().or_else(|| core.root.looks.get().map(|make| make()));
            looks.as_mut()?.attend(core, Instant::now(), &end, &mut calls)
        };
        let look_at = shared.root.get().and_then(look);
        if !calls.is_empty() {
            // Free -> occupied. Pairs with `stand_in`: `set_occupied` sees a request that came
            // before it, and a request that comes after it finds *stopper* occupied. In the first
            // case go round and answer it, before any code of the program's runs.
            if shared.set_occupied(true) {
                contained(|| std::mem::take(&mut calls).run());
            }
            shared.set_occupied(false);
            continue;
        }
        // After the calls: none of them is lost.
        if quits {
            return;
        }
        let until = until.map(awake::system).into_iter().chain(chores_at).chain(look_at).min();
        // Nothing is left to do: sleep until a request, a work item, or the next step or chore is
        // due.
        let _waits = WaitMark::of("work", own.label.at, Of::Nobody, Some(Arc::clone(own)));
        shared.changes.wait(seen, until);
    }
}

/// Called by *watch* after its requests. If *stopper* is occupied, marks in its stead; the calls
/// that follow from it stay *stopper*'s. This allocates, and takes locks of the tree, which are
/// held for moments. If it hangs, the kernel's timer still ends the process.
pub(crate) fn stand_in(shared: &Shared, core: &Arc<ScopeCore>) {
    if !shared.is_occupied() {
        return;
    }
    let marks = request::STOP | request::EXPIRE | request::DRAIN | request::TELL;
    let requests = shared.take_requests(marks | request::LINE);
    if requests != 0 {
        let mut calls = Calls::default();
        answer(shared, core, requests, &mut Vec::new(), &mut calls);
        // *watch* runs no code of the program's.
        shared.dispatch(WorkItem::Call(calls));
    }
}

fn contained(f: impl FnOnce()) {
    if let Err(payload) = contain(f) {
        discard(payload);
    }
}

/// Takes over a scope whose body does not come home.
fn drive(core: Arc<ScopeCore>, driven: &mut Vec<Arc<ScopeCore>>) {
    core.set_driven();
    driven.push(core);
}

/// Answers requests of *watch*: marks at once, and adds to `calls` what may run code of the
/// program's.
fn answer(
    shared: &Shared,
    core: &Arc<ScopeCore>,
    requests: u32,
    driven: &mut Vec<Arc<ScopeCore>>,
    calls: &mut Calls,
) {
    let asked = |what: u32| requests & what != 0;
    if asked(request::STOP) {
        // *watch* has armed the kernel's timer for this signal already (`watch_thread::stop`), so
        // the stop is not announced again.
        let reason = StopReason::Signal(shared.signal());
        let mut marked = core.node.mark_for(Stop::new(reason.clone()));
        marked.add(Calls::log(move || {
            log_contained(|| tracing::info!(target: "homebound::signal", %reason, "stopping"));
        }));
        calls.add(marked);
    }
    if asked(request::EXPIRE) {
        for node in core.root.take_due(awake::now()) {
            calls.add(node.mark_expired());
        }
    }
    // The body may have come home since *watch* asked.
    if asked(request::DRIVE) && !core.lock().body_home {
        drive(Arc::clone(core), driven);
    }
    if asked(request::DRAIN) {
        calls.add(core.root.drain.finish());
        calls.add(Calls::log(|| {
            log_contained(|| tracing::info!(target: "homebound::host", "draining: the stop comes soon"));
        }));
    }
    if asked(request::TELL) {
        calls.add(shared.tell(core));
    }
    if asked(request::LINE) {
        stopping_line::write(shared, core);
    }
    if asked(request::WARN) {
        let late: Vec<_> = core.live().into_iter().filter(|record| record.is_overdue()).collect();
        calls.add(Calls::log(move || late.iter().for_each(|record| warn_overdue(record))));
    }
}

fn warn_overdue(record: &Record) {
    overdue::warn(record, |record| warning::look(record, true));
}

fn log(entry: LogEntry) {
    match entry {
        LogEntry::Forwarded(signal) => {
            log_contained(|| tracing::debug!(target: "homebound::signal", signal, "forwarded"));
        }
        LogEntry::Lost(signal, true) => {
            log_contained(
                || tracing::warn!(target: "homebound::signal", signal, "lost: its channel is full"),
            );
        }
        LogEntry::Lost(signal, false) => {
            log_contained(
                || tracing::debug!(target: "homebound::signal", signal, "lost: nobody receives it"),
            );
        }
        LogEntry::NoTimer(error) => {
            log_contained(|| {
                tracing::error!(
                    target: "homebound::shutdown",
                    %error,
                    "no timer of the kernel's: if watch itself hangs at the end, the process is not ended"
                );
            });
        }
        LogEntry::Overdue(record) => warn_overdue(&record),
    }
}

/// Steps all driven scopes, and drops those that are home. Returns when to step again, by the clock
/// of `awake`.
fn step_all(driven: &mut Vec<Arc<ScopeCore>>, calls: &mut Calls) -> Option<Instant> {
    let now = awake::now();
    let mut until: Option<Instant> = None;
    driven.retain(|core| {
        // Another driver has settled the scope: the body has come home meanwhile.
        if core.lock().phase == Phase::Settled {
            return false;
        }
        match contain(|| step(core, Driver::Other, now, calls)) {
            Ok(progress) if progress.home => false,
            Ok(progress) => {
                until = until.into_iter().chain(progress.until).min();
                true
            }
            // A step that panicked is tried again with the next change.
            Err(payload) => {
                discard(payload);
                true
            }
        }
    });
    until
}

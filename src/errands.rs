//! Owns the internal thread *stopper*, which does for a registry what may run user code and belongs to no thread of the user's.
//! Refuses to watch the time: *watch* asks it, and whatever it hangs in, *watch* goes on.

use std::sync::Arc;
use std::time::Instant;

use crate::awake;
use crate::chores::Chores;
use crate::desk::{Desk, STOPPER, request};
use crate::exit::{Driver, step};
use crate::members::Phase;
use crate::reason::StopReason;
use crate::record::{Of, Record};
use crate::root::Errand;
use crate::rt::contain::{contain, discard, told};
use crate::scope_core::ScopeCore;
use crate::wait::Mark;
use crate::{current, overdue};

/// The thread *stopper*: carries out stops, runs callbacks, logs, and drives scopes whose body does not come home.
pub(crate) fn stopper(desk: &Desk, own: &Arc<Record>) {
    current::note_panics();
    current::touch();
    desk.has_started(STOPPER);
    let mut driven: Vec<Arc<ScopeCore>> = Vec::new();
    let mut chores = Chores::new(&desk.orders);
    loop {
        let seen = desk.bell.seen();
        if let Some(core) = desk.root.get() {
            answer(desk, core, desk.take_requests(), &mut driven);
        }
        while let Some(errand) = desk.next_errand() {
            match errand {
                Errand::Quit => return,
                Errand::Drive(core) => drive(core, &mut driven),
                errand => contained(|| carry_out(errand)),
            }
        }
        let until =
            step_all(&mut driven).map(awake::system).into_iter().chain(chores.attend(Instant::now())).min();
        let _waits = Mark::of("an errand", own.label.at, Of::Nobody, [Some(Arc::clone(own)), None]);
        desk.bell.sleep(seen, until);
    }
}

fn contained(f: impl FnOnce()) {
    if let Err(payload) = contain(f) {
        discard(payload);
    }
}

fn drive(core: Arc<ScopeCore>, driven: &mut Vec<Arc<ScopeCore>>) {
    core.set_driven();
    driven.push(core);
}

/// What *watch* asks for.
fn answer(desk: &Desk, core: &Arc<ScopeCore>, requests: u32, driven: &mut Vec<Arc<ScopeCore>>) {
    let asked = |what: u32| requests & what != 0;
    if asked(request::STOP) {
        let reason = StopReason::Signal(desk.signal());
        contained(|| {
            core.node.stop(reason.clone());
            told(|| tracing::info!(target: "homebound::signal", %reason, "stopping"));
        });
    }
    if asked(request::EXPIRE) {
        for node in core.root.timers.take_due_for_registry(awake::now()) {
            contained(|| node.expire());
        }
    }
    if asked(request::DRIVE) && !core.lock().body_home {
        drive(Arc::clone(core), driven);
    }
    if asked(request::WARN) {
        contained(|| core.live().iter().filter(|record| record.is_overdue()).for_each(overdue::warn));
    }
}

fn carry_out(errand: Errand) {
    match errand {
        Errand::Forwarded(signal) => {
            told(|| tracing::debug!(target: "homebound::signal", signal, "forwarded"));
        }
        Errand::Lost(signal, true) => {
            told(|| tracing::warn!(target: "homebound::signal", signal, "lost: its channel is full"));
        }
        Errand::Lost(signal, false) => {
            told(|| tracing::debug!(target: "homebound::signal", signal, "lost: nobody receives it"));
        }
        Errand::NoTimer(error) => {
            told(|| {
                tracing::error!(
                    target: "homebound::shutdown",
                    %error,
                    "no timer of the kernel's: if watch itself hangs at the end, the process is not ended"
                );
            });
        }
        Errand::Overdue(record) => overdue::warn(&record),
        Errand::Drive(_) | Errand::LookAgain | Errand::Quit => {}
    }
}

/// Steps all scopes that it drives, drops those that are home; tells when to look again, by the clock of `awake`.
fn step_all(driven: &mut Vec<Arc<ScopeCore>>) -> Option<Instant> {
    let now = awake::now();
    let mut until: Option<Instant> = None;
    driven.retain(|core| {
        if core.lock().phase == Phase::Settled {
            return false;
        }
        match contain(|| step(core, Driver::Other, now)) {
            Ok(progress) if progress.home => false,
            Ok(progress) => {
                until = until.into_iter().chain(progress.until).min();
                true
            }
            Err(payload) => {
                discard(payload);
                true
            }
        }
    });
    until
}

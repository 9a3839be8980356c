//! Owns what becomes of the words of a program and of its end: which of them the service manager
//! and the probe file are told, by which thread.
//! Refuses to know how a message is sent.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::registry::file_thread::Refused;
use crate::registry::notify::manager::{Manager, READY, STOPPING, Told, not_told};
use crate::registry::notify::waited;
use crate::registry::shared::Shared;
use crate::rt::contain::log_contained;
use crate::stop::calls::Calls;
use crate::sys::probe_file::ProbeFile;
use crate::tree::core::ScopeCore;
use crate::tree::root::{RootHost, Said, WorkItem};

impl Shared {
    /// The stop begins, or the notice before it: tells the manager, before any service is told.
    /// Neither locks nor allocates. *watch* does the rest, and is to be woken after this.
    pub(crate) fn say_stopping(&self) {
        // *watch* sends it if the manager has no room now.
        let _later = self.manager.as_ref().map(|manager| manager.say(STOPPING));
        self.stepped.store(true, Ordering::Release);
    }

    /// For *watch*: true if the end has come a step further. Pairs with
    /// `note_step` and `say_stopping`.
    pub(crate) fn take_step(&self) -> bool {
        self.stepped.swap(false, Ordering::AcqRel)
    }

    /// Passes on what the program says. False if there is no manager.
    pub(crate) fn pass_on(&self, what: Said) -> bool {
        // Before the manager hears it, so that a probe that looks right after that finds the file.
        if let (Said::Ready, Some(probe)) = (&what, self.probe.as_ref().filter(|_| !self.is_ending())) {
            if let Err(error) = probe.make() {
                self.dispatch(WorkItem::Call(no_probe(error)));
            }
        }
        let Some(manager) = &self.manager else { return false };
        let told = match what {
            Said::Ready => manager.say(READY),
            Said::Status(text) => manager.set_status(text),
            Said::Reloading => {
                let Some(told) = manager.begin_reload() else { return false };
                told
            }
            Said::Reloaded => manager.end_reload(),
        };
        if told == Told::Later {
            // *watch* tries again: this word may be due, and words of other threads that found this
            // thread sending.
            self.waker.wake();
        }
        true
    }

    /// True if the stop was announced, or the notice before it has begun.
    fn is_ending(&self) -> bool {
        let is_draining = self.root.get().is_some_and(|core| core.root.drain.has_begun());
        is_draining || self.clock.deadline().is_some()
    }

    /// Notes a step of the end, for *watch* to tell. Pairs with `take_step`.
    pub(crate) fn note_step(&self) {
        if self.manager.is_some() {
            self.stepped.store(true, Ordering::Release);
            self.waker.wake();
        }
    }

    /// For *stopper*, and for *watch* in its stead: tells the manager which threads are waited for,
    /// and has the probe file removed.
    pub(crate) fn tell(&self, core: &Arc<ScopeCore>) -> Calls {
        let is_stopping = self.clock.began().is_some();
        let is_draining = core.root.drain.has_begun();
        let mut calls = Calls::default();
        if let Some(manager) = self.manager.as_ref() {
            // `None` without a stop or a notice: the status is the program's alone then.
            let waits = is_stopping.then(|| waited::line(core));
            let told = manager.set_waits(waits.or_else(|| is_draining.then(|| "draining".to_owned())));
            if told == Told::Later {
                // *watch* tries again. It may have looked while the status was locked, and then has
                // taken it for sent. Pairs with `is_status_due`.
                self.waker.wake();
            }
            calls.add(manager.take_refusal().map(not_told).unwrap_or_default());
        }
        if is_stopping || is_draining {
            self.remove_probe();
        }
        calls
    }

    /// Called at the end of the run: logs a refusal of the system's that *watch* has not found.
    pub(crate) fn tell_refusal(&self) {
        let refused = self.manager.as_ref().and_then(Manager::take_refusal);
        refused.into_iter().for_each(|error| not_told(error).run());
    }

    /// At the end of the run, when *watch* is home: a last try to send the words that are due,
    /// above all `STOPPING`, because a manager that had no room may have read meanwhile. The status
    /// is left out, because it names threads that are home.
    pub(crate) fn send_last(&self) {
        let _there_is_no_later = self.manager.as_ref().map(Manager::send_due);
    }

    /// Removes the probe file, and lets none be made from here on. The thread of the file does it,
    /// or the caller at the end of the run, when that thread is gone.
    pub(crate) fn remove_probe(&self) {
        let Some(probe) = self.probe.clone().filter(|probe| probe.doom()) else { return };
        match self.probe_thread.give(Box::new(move || log_removed(&probe, probe.remove()))) {
            Ok(()) => {}
            // Once in a run, so that the list has room.
            Err(Refused::Full) => debug_assert!(false, "a probe file is removed once"),
            Err(Refused::Closed(operation)) => operation(),
        }
    }
}

fn no_probe(error: io::Error) -> Calls {
    Calls::log(move || {
        log_contained(|| tracing::error!(target: "homebound::host", %error, "the probe file cannot be made"));
    })
}

fn log_removed(probe: &ProbeFile, removed: io::Result<()>) {
    if let Err(error) = removed {
        let path = probe.path();
        log_contained(|| {
            tracing::error!(target: "homebound::host", ?path, %error, "the probe file cannot be removed");
        });
    }
}

//! Owns how one learns of a node's stop: by asking, by a channel, by resting on it, by a callback.
//! Refuses to mark anything: `stop` does, and both ends of each wake-up name the other.

use std::convert::Infallible;
#[cfg(unix)]
use std::io;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, bounded};

use crate::callback::Callback;
use crate::reason::StopReason;
use crate::stop::{ALERTED, LIMITED, Node, STOPPING};
use crate::sync::planted;
#[cfg(unix)]
use crate::sys::Event;

impl Node {
    /// Why it was stopped. Meaningful once it is; a closed node without a reason outlived its users.
    pub(crate) fn reason(&self) -> Arc<StopReason> {
        let reason = self.state.lock().reason.clone();
        reason.unwrap_or_else(|| Arc::new(StopReason::UsersDone))
    }

    pub(crate) fn since(&self) -> Option<Instant> {
        self.state.lock().since
    }

    /// When it was asked to stop; `None` for one that was only closed.
    pub(crate) fn asked_at(&self) -> Option<Instant> {
        let state = self.state.lock();
        state.since.filter(|_| state.reason.is_some())
    }

    /// Disconnected by the stop. Public use of it arms the timer of a limited node; waits bring their own time-out.
    pub(crate) fn signal(&self) -> &Receiver<Infallible> {
        self.signal.get_or_init(|| {
            let (sender, receiver) = bounded(0);
            let early = planted("signal-looks-before-lock").then(|| self.is_marked());
            let mut state = self.state.lock();
            if !early.unwrap_or_else(|| self.is_marked()) {
                state.signal = Some(sender);
            }
            receiver
        })
    }

    /// Set by the stop: readable from then on. Public use of it arms the timer of a limited node; waits bring their own
    /// time-out.
    #[cfg(unix)]
    pub(crate) fn event(&self) -> io::Result<&Event> {
        if let Some(event) = self.event.get() {
            return Ok(event);
        }
        let event = Event::new()?;
        let marking_waits = self.state.lock();
        let event = self.event.get_or_init(|| event);
        let marked = self.is_marked();
        drop(marking_waits);
        // Who marked before did not see it; who marks now does.
        if marked {
            event.set();
        }
        Ok(event)
    }

    /// Disconnected when the end of a shield becomes known; `None` where there is nothing to be learnt.
    pub(crate) fn alert_signal(&self) -> Option<&Receiver<Infallible>> {
        if self.knows_its_end() {
            return None;
        }
        let limit = self.limit.as_ref()?;
        Some(limit.alert.get_or_init(|| {
            let (sender, receiver) = bounded(0);
            let _marking_waits = self.state.lock();
            if !self.knows_its_end() {
                *limit.alarm.lock() = Some(sender);
            }
            receiver
        }))
    }

    /// The same for a wait for a descriptor: readable when the end of a shield becomes known.
    #[cfg(unix)]
    pub(crate) fn alert_event(&self) -> io::Result<Option<&Event>> {
        let Some(limit) = self.limit.as_ref().filter(|limit| !self.knows_its_end() && limit.hides()) else {
            return Ok(None);
        };
        if limit.event.get().is_none() {
            let event = Event::new()?;
            // Who marks after this sees it; who did before is seen by the look below.
            let _marking_waits = self.state.lock();
            limit.event.get_or_init(|| event);
        }
        Ok(limit.event.get().filter(|_| !self.knows_its_end()))
    }

    /// True if nothing more will be learnt of it, but that it has come.
    fn knows_its_end(&self) -> bool {
        self.flags.load() & (LIMITED | STOPPING | ALERTED) != LIMITED
    }

    /// Blocks until the node is marked (false: not yet, look again), or until `end` or the end of a shield becomes
    /// known. Uses neither a channel nor `thread::park`, whose token is the user's (W4).
    pub(crate) fn rest(&self, end: Option<Instant>) {
        // First the flags, then the end: one that becomes known in between changes the flags.
        let before = self.flags.load() & (STOPPING | ALERTED);
        let end = end.into_iter().chain(self.limit_end()).min();
        if before & STOPPING == 0 {
            self.flags.sleep_while(STOPPING | ALERTED, before, end);
        }
    }

    /// Registers a callback; returns it if the stop has come already: then the caller runs it.
    pub(crate) fn on_stop(self: &Arc<Node>, callback: &Arc<Callback>) -> bool {
        let mut state = self.state.lock();
        if self.is_marked() {
            return false;
        }
        state.callbacks.insert(callback.key(), Arc::clone(callback));
        drop(state);
        self.arm();
        true
    }

    pub(crate) fn forget_callback(&self, key: u64) {
        // Dropped after the lock is free: the closure in it is the user's.
        let _callback = self.state.lock().callbacks.remove(&key);
    }
}

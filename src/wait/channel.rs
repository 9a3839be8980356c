//! Owns the waits of a context: each ends on stop, records its source line, and is over at once if there is nothing to
//! wait for.
//! Refuses to poll: every wait blocks in one `select`, with a time-out only where a deadline is set.

use std::panic::Location;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, SelectedOperation, Sender, TryRecvError, TrySendError};
use crossbeam_utils::Backoff;

use crate::outcome::error::{SendError, WaitError};
use crate::outcome::reason::StopReason;
use crate::outcome::stopped::Stopped;
use crate::rt::time::after;
use crate::stop::listen::Keeper;
use crate::stop::select::until_stopped;
use crate::thread::context::Context;
use crate::tree::record::Of;
use crate::tree::wait_mark::WaitMark;

/// # Waits
impl Context {
    /// Blocks until the stop, and says why it came.
    #[track_caller]
    pub fn wait_for_stop(&self) -> StopReason {
        self.point("wait_for_stop", Location::caller());
        let _mark = WaitMark::new("stop", Location::caller());
        while !self.pause(None) {}
        (*self.node().reason()).clone()
    }

    /// Sleeps; the stop ends it at once.
    ///
    /// # Errors
    /// [`Stopped`], at once if the context is stopping already.
    #[track_caller]
    #[must_use = "a stop ends it with an error, and every later wait at once: pass it on with `?`, or leave the loop"]
    pub fn sleep(&self, duration: Duration) -> Result<(), Stopped> {
        self.sleep_until(after(Instant::now(), duration))
    }

    /// Sleeps until a moment; the stop ends it at once.
    ///
    /// # Errors
    /// [`Stopped`], at once if the context is stopping already.
    #[track_caller]
    #[must_use = "a stop ends it with an error, and every later wait at once: pass it on with `?`, or leave the loop"]
    pub fn sleep_until(&self, end: Instant) -> Result<(), Stopped> {
        self.point("sleep", Location::caller());
        let _mark = WaitMark::new("sleep", Location::caller());
        if self.pause(Some(end)) { Err(self.stopped()) } else { Ok(()) }
    }

    /// Blocks until the stop (true) or until `end` (false).
    pub(crate) fn pause(&self, end: Option<Instant>) -> bool {
        let node = self.node();
        loop {
            if node.is_stopping() {
                return true;
            }
            if end.is_some_and(|end| Instant::now() >= end) {
                return false;
            }
            node.rest(end);
        }
    }

    /// Receives a message; the stop wins over one that is ready.
    ///
    /// # Errors
    /// [`WaitError::Stopped`]; [`WaitError::Disconnected`] when the channel is empty and all senders are gone.
    #[track_caller]
    #[inline]
    #[must_use = "a stop ends it with an error, and every later wait at once: pass it on with `?`, or leave the loop"]
    pub fn recv<T>(&self, receiver: &Receiver<T>) -> Result<T, WaitError> {
        self.receive(receiver, || None, Location::caller())
    }

    /// Receives a message, for at most `timeout`.
    ///
    /// # Errors
    /// As [`recv`](Self::recv), and [`WaitError::TimedOut`].
    #[track_caller]
    #[inline]
    #[must_use = "a stop ends it with an error, and every later wait at once: pass it on with `?`, or leave the loop"]
    pub fn recv_timeout<T>(&self, receiver: &Receiver<T>, timeout: Duration) -> Result<T, WaitError> {
        let end = || Some(after(Instant::now(), timeout));
        self.receive(receiver, end, Location::caller())
    }

    /// Receives a message, until `deadline`.
    ///
    /// # Errors
    /// As [`recv`](Self::recv), and [`WaitError::TimedOut`].
    #[track_caller]
    #[inline]
    #[must_use = "a stop ends it with an error, and every later wait at once: pass it on with `?`, or leave the loop"]
    pub fn recv_deadline<T>(&self, receiver: &Receiver<T>, deadline: Instant) -> Result<T, WaitError> {
        self.receive(receiver, || Some(deadline), Location::caller())
    }

    /// `end` is asked only if there is something to wait for: no clock on the fast path.
    #[inline]
    pub(crate) fn receive<T>(
        &self,
        receiver: &Receiver<T>,
        end: impl FnOnce() -> Option<Instant>,
        caller: &'static Location<'static>,
    ) -> Result<T, WaitError> {
        self.point("recv", caller);
        match self.look(receiver) {
            Some(received) => received,
            None => self.receive_later(receiver, end(), caller),
        }
    }

    /// What can be said without waiting: stopped, a message, or that there will be none.
    #[inline]
    fn look<T>(&self, receiver: &Receiver<T>) -> Option<Result<T, WaitError>> {
        if self.node().is_stopping() {
            return Some(Err(WaitError::Stopped(self.stopped())));
        }
        match receiver.try_recv() {
            Ok(value) => Some(Ok(value)),
            Err(TryRecvError::Disconnected) => Some(Err(self.disconnected())),
            Err(TryRecvError::Empty) => None,
        }
    }

    /// The other end is gone. If a stop has come meanwhile, here or so far only to its owner, it is gone for that, and the stop is
    /// what counts.
    #[cold]
    fn disconnected(&self) -> WaitError {
        if self.node().is_stopping() {
            return WaitError::Stopped(self.stopped());
        }
        let coming = self.node().coming();
        coming.map_or(WaitError::Disconnected, |stop| WaitError::Stopped(Stopped::new(stop)))
    }

    #[cold]
    #[inline(never)]
    fn receive_later<T>(
        &self,
        receiver: &Receiver<T>,
        end: Option<Instant>,
        caller: &'static Location<'static>,
    ) -> Result<T, WaitError> {
        // A few looks in short succession, before it is worth while to go to sleep: as many as crossbeam's own `recv` has
        // before and after it registers.
        for _ in 0..2 {
            let backoff = Backoff::new();
            while !backoff.is_completed() {
                backoff.snooze();
                if let Some(received) = self.look(receiver) {
                    return received;
                }
            }
        }
        let _mark = WaitMark::new("recv", caller);
        self.prepare();
        self.receive_blocked(receiver, end)
    }

    /// Has the channel made that a wait selects on, while the stack is not deep: it may be the deepest point of a thread
    /// that waits, and a page is a page for each of ten thousand.
    #[inline(never)]
    fn prepare(&self) {
        self.node().signal(Keeper::Listener);
    }

    #[inline(never)]
    fn receive_blocked<T>(&self, receiver: &Receiver<T>, end: Option<Instant>) -> Result<T, WaitError> {
        let received =
            until_stopped(self.node(), end, |select| select.recv(receiver), |chosen| chosen.recv(receiver));
        received?.map_err(|_| self.disconnected())
    }

    /// Sends a value; if the stop comes first, the value comes back.
    ///
    /// # Errors
    /// The value and the cause: stopped, or all receivers are gone.
    #[track_caller]
    #[must_use = "a stop ends it with an error, and every later wait at once: pass it on with `?`, or leave the loop"]
    pub fn send<T>(&self, sender: &Sender<T>, value: T) -> Result<(), SendError<T>> {
        self.point("send", Location::caller());
        if self.node().is_stopping() {
            return Err(SendError { value, cause: WaitError::Stopped(self.stopped()) });
        }
        let value = match sender.try_send(value) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Full(value)) => value,
            Err(TrySendError::Disconnected(value)) => {
                return Err(SendError { value, cause: self.disconnected() });
            }
        };
        let _mark = WaitMark::new("send", Location::caller());
        self.prepare();
        self.send_blocked(sender, value)
    }

    #[inline(never)]
    fn send_blocked<T>(&self, sender: &Sender<T>, value: T) -> Result<(), SendError<T>> {
        let mut slot = Some(value);
        let complete = |chosen: SelectedOperation<'_>| match slot.take() {
            Some(value) => chosen.send(sender, value),
            None => Ok(()),
        };
        let sent = until_stopped(self.node(), None, |select| select.send(sender), complete);
        let (value, cause) = match sent {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(refused)) => (Some(refused.0), self.disconnected()),
            Err(cause) => (slot, cause),
        };
        value.map_or(Ok(()), |value| Err(SendError { value, cause }))
    }

    /// Says in the dump what this thread waits for while `f` runs: a `select!`, an `accept`, a call into C.
    #[track_caller]
    pub fn waiting<R>(&self, what: &'static str, f: impl FnOnce() -> R) -> R {
        let _mark = WaitMark::on(what, Location::caller(), Of::Outside);
        f()
    }
}

//! Owns the waits for the stop, for moments and for messages. Each ends on stop, shows its source
//! line, and returns at once if there is nothing to wait for.
//! Refuses to poll: every wait blocks in one `select`, with a time-out only where a deadline is
//! set.

use std::panic::Location;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, SelectedOperation, Sender, TryRecvError, TrySendError};
use crossbeam_utils::Backoff;

use crate::outcome::errors::error::{SendError, WaitError};
use crate::outcome::reason::StopReason;
use crate::outcome::stopped::Stopped;
use crate::rt::time::after;
use crate::shutdown::long_wait::For;
use crate::stop::listen::Keeper;
use crate::stop::select::until_stopped;
use crate::thread::blocking;
use crate::thread::context::Context;
use crate::tree::panic_hook::crossing;
use crate::tree::wait_mark::WaitMark;
use crate::tree::waiting::Of;

/// # Waits
impl Context {
    /// Blocks until the stop, and returns its reason: the body of a program that is made of
    /// services.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     scope.spawn("quit", "ends the program", |cx| Ok(cx.stopper().stop_because("quit")))?;
    ///     assert_eq!(scope.context().wait_for_stop().to_string(), "quit");
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn wait_for_stop(&self) -> StopReason {
        self.point("wait_for_stop", Location::caller());
        let _mark = WaitMark::new("to be told to stop", Location::caller());
        // Without an end `pause` returns for the stop only.
        while !self.pause(None) {}
        (*self.node().reason()).clone()
    }

    /// Sleeps. A stop ends the sleep at once.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// homebound::scope(|scope| {
    ///     let hour = Duration::from_secs(3600);
    ///     let sleeper = scope.spawn("sleeper", "sleeps", move |cx| Ok(cx.sleep(hour)?))?;
    ///     sleeper.stop();
    ///     assert!(sleeper.join().is_err()); // it has stopped, now and not in an hour
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// [`Stopped`], at once if the context is stopping already.
    #[track_caller]
    #[must_use = "a stop ends it with an error, and every later wait at once: pass it on with `?`, or leave the loop"]
    pub fn sleep(&self, duration: Duration) -> Result<(), Stopped> {
        self.sleep_until(after(Instant::now(), duration))
    }

    /// Sleeps until a moment. A stop ends the sleep at once.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// homebound::scope(|scope| {
    ///     let moment = Instant::now() + Duration::from_millis(1);
    ///     scope.context().sleep_until(moment)?;
    ///     assert!(Instant::now() >= moment);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
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

    /// Blocks until the stop, and returns true, or until `end`, and returns false.
    pub(crate) fn pause(&self, end: Option<Instant>) -> bool {
        let node = self.node();
        loop {
            // The stop is looked for first, so it wins over an end that has come as well (S7).
            if node.is_stopping() {
                return true;
            }
            if end.is_some_and(|end| Instant::now() >= end) {
                return false;
            }
            // Returns for the stop, for `end`, for the end of a limit, and without a cause. The
            // next round finds out. Pairs with `Node::wake`.
            node.rest(end);
        }
    }

    /// Receives a message. If a message is ready and the context is stopping, the stop wins.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let (send, receive) = homebound::channel::bounded::<i32>(1);
    ///     let adder = scope.spawn("adder", "adds one", move |cx| Ok(cx.recv(&receive)? + 1))?;
    ///     send.send(41)?;
    ///     assert_eq!(adder.join()?, 42);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// [`WaitError::Stopped`]; [`WaitError::Disconnected`] when the channel is empty and all
    /// senders are gone.
    #[track_caller]
    #[inline]
    #[must_use = "a stop ends it with an error, and every later wait at once: pass it on with `?`, or leave the loop"]
    pub fn recv<T>(&self, receiver: &Receiver<T>) -> Result<T, WaitError> {
        self.receive(receiver, || None, Location::caller())
    }

    /// Receives a message, for at most `timeout`.
    ///
    /// ```
    /// use homebound::WaitError;
    /// use std::time::Duration;
    ///
    /// homebound::scope(|scope| {
    ///     let (_send, receive) = homebound::channel::bounded::<u8>(1);
    ///     let waited = scope.context().recv_timeout(&receive, Duration::from_millis(1));
    ///     assert!(matches!(waited, Err(WaitError::TimedOut)));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
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
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// homebound::scope(|scope| {
    ///     let (send, receive) = homebound::channel::unbounded();
    ///     scope.spawn("sender", "sends two parts", move |_| {
    ///         send.send(1)?;
    ///         Ok(send.send(2)?)
    ///     })?;
    ///     let deadline = Instant::now() + Duration::from_secs(60); // for both parts together
    ///     let cx = scope.context();
    ///     assert_eq!(cx.recv_deadline(&receive, deadline)?, 1);
    ///     assert_eq!(cx.recv_deadline(&receive, deadline)?, 2);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`recv`](Self::recv), and [`WaitError::TimedOut`].
    #[track_caller]
    #[inline]
    #[must_use = "a stop ends it with an error, and every later wait at once: pass it on with `?`, or leave the loop"]
    pub fn recv_deadline<T>(&self, receiver: &Receiver<T>, deadline: Instant) -> Result<T, WaitError> {
        self.receive(receiver, || Some(deadline), Location::caller())
    }

    /// `end` is called only if there is something to wait for, so that the fast path reads no
    /// clock.
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
            None => self.receive_later(receiver, end(), || WaitMark::new("recv", caller)),
        }
    }

    /// Returns the result that is known without a wait: the stop, a message, or that no message
    /// will come.
    #[inline]
    pub(crate) fn look<T>(&self, receiver: &Receiver<T>) -> Option<Result<T, WaitError>> {
        // The stop wins over a message that is ready (S7): the message stays in the channel for
        // another receiver.
        if self.node().is_stopping() {
            return Some(Err(WaitError::Stopped(self.stopped())));
        }
        match receiver.try_recv() {
            Ok(value) => Some(Ok(value)),
            Err(TryRecvError::Disconnected) => Some(Err(self.disconnected())),
            Err(TryRecvError::Empty) => None,
        }
    }

    /// The error to return when the other end is gone. If a stop has come meanwhile, in this
    /// context or so far only in the node above it, the other end is gone because of that stop, so
    /// the stop is the cause.
    #[cold]
    fn disconnected(&self) -> WaitError {
        self.stopped_or_cut_off().map_or(WaitError::Disconnected, WaitError::Stopped)
    }

    /// The proof of the stop of this context. Without one, the proof of a stop that has reached a
    /// node above and is on its way here, because the source of data may have ended because of that
    /// stop. That proof is made here and not by the node: a node that is not marked cannot issue a
    /// proof of a stop that it does not have yet.
    pub(crate) fn stopped_or_cut_off(&self) -> Option<Stopped> {
        match self.node().is_stopping() {
            true => Some(self.stopped()),
            false => self.node().coming().map(Stopped::new),
        }
    }

    /// As [`stopped_or_cut_off`](Self::stopped_or_cut_off), but `None` for a service that is not
    /// told yet, although the scope around it is stopping: until it is told, its sources of data
    /// end by themselves (E1).
    pub(crate) fn stopped_or_arriving(&self) -> Option<Stopped> {
        match self.node().is_stopping() {
            true => Some(self.stopped()),
            false => self.node().arriving().map(Stopped::new),
        }
    }

    /// Waits for a message. `mark` shows the wait, if the thread has to sleep.
    #[cold]
    #[inline(never)]
    pub(crate) fn receive_later<T>(
        &self,
        receiver: &Receiver<T>,
        end: Option<Instant>,
        mark: impl FnOnce() -> WaitMark,
    ) -> Result<T, WaitError> {
        self.look_then_block(receiver, mark, || self.receive_blocked(receiver, end))
    }

    /// As [`receive_later`](Self::receive_later), for a message by which threads tell of their
    /// ends: says so if that takes long.
    pub(crate) fn receive_end<T>(
        &self,
        receiver: &Receiver<T>,
        end: Option<Instant>,
        of: For<'_>,
        mark: impl FnOnce() -> WaitMark,
    ) -> Result<T, WaitError> {
        self.look_then_block(receiver, mark, || {
            blocking::receive(of, self.node(), end, receiver)?.map_err(|_| self.disconnected())
        })
    }

    /// The steps of each wait for a message that was not there at the first look. Inlined, because
    /// a frame more would be on the stack of each thread that sleeps.
    #[inline]
    fn look_then_block<T>(
        &self,
        receiver: &Receiver<T>,
        mark: impl FnOnce() -> WaitMark,
        block: impl FnOnce() -> Result<T, WaitError>,
    ) -> Result<T, WaitError> {
        if let Some(received) = self.look_again(receiver) {
            return received;
        }
        let _mark = mark();
        self.prepare();
        block()
    }

    /// Looks a few times before the thread sleeps, because a message often comes within
    /// microseconds: as many times as crossbeam's own `recv` does before and after it registers.
    /// Its frame is gone before the thread sleeps, see `prepare`.
    #[inline(never)]
    fn look_again<T>(&self, receiver: &Receiver<T>) -> Option<Result<T, WaitError>> {
        for _ in 0..2 {
            let backoff = Backoff::new();
            while !backoff.is_completed() {
                backoff.snooze();
                if let Some(received) = self.look(receiver) {
                    return Some(received);
                }
            }
        }
        None
    }

    /// Makes the channel that a wait selects on, while the stack is not deep. The deepest point of
    /// a waiting thread decides how many pages of stack it touches, and there may be ten thousand
    /// such threads.
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

    /// Sends a value, and waits for room. If the stop comes first, the value comes back in the
    /// error.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let (send, receive) = homebound::channel::bounded(1);
    ///     scope.context().send(&send, "first")?;
    ///     scope.stop();
    ///     let refused = scope.context().send(&send, "second").unwrap_err();
    ///     assert_eq!(refused.value, "second");
    ///     assert_eq!(receive.len(), 1);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// The value and the cause: the stop, or that all receivers are gone.
    #[track_caller]
    #[must_use = "a stop ends it with an error, and every later wait at once: pass it on with `?`, or leave the loop"]
    pub fn send<T>(&self, sender: &Sender<T>, value: T) -> Result<(), SendError<T>> {
        self.point("send", Location::caller());
        // The stop wins over room in the channel (S7), so that a sender in a loop ends.
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
        // The value is in the slot until the channel has taken it, so that each way out gives it
        // back.
        let mut slot = Some(value);
        let complete = |chosen: SelectedOperation<'_>| match slot.take() {
            Some(value) => chosen.send(sender, value),
            // `complete` is called once, and the slot is full then.
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

    /// Shows in dumps that this thread waits for `what` while `f` runs: a `select!`, a foreign
    /// `accept`, a call into C. Does not make `f` end on a stop.
    ///
    /// If `f` panics with what another thread of a scope has raised meanwhile, as a call into rayon
    /// does, the failure has the place of that panic.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let dump = scope.context().waiting("the printer", || scope.dump_status());
    ///     assert!(dump.contains("the printer"));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn waiting<R>(&self, what: &'static str, f: impl FnOnce() -> R) -> R {
        let _mark = WaitMark::on(what, Location::caller(), Of::Outside);
        crossing(f)
    }
}

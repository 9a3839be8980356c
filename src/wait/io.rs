//! Owns the waits for descriptors. Each ends on stop, as the waits for channels do.
//! Refuses to change the flags of the program's descriptors, and to promise anything of calls that
//! the kernel does not interrupt: regular files, name look-ups.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::Location;
use std::time::{Duration, Instant};

use crossbeam_utils::Backoff;

use crate::rt::time::after;
use crate::stop::listen::Keeper;
use crate::sys::fd::{self, Ready, Transfer};
use crate::sys::nowait::Direction;
use crate::thread::context::Context;
use crate::tree::wait_mark::WaitMark;

/// The pauses after a descriptor that was ready has taken nothing, again and again.
const FIRST_PAUSE: Duration = Duration::from_micros(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// ## Descriptors (unix)
impl Context {
    /// Returns a descriptor that turns readable at the stop and stays so: for `poll`, `epoll`, mio,
    /// a GUI's or a C library's loop.
    ///
    /// Only poll this descriptor. A read would take the stop from the other waiters of the same
    /// context.
    ///
    /// # Errors
    /// The system has no descriptor left.
    ///
    /// ```
    /// # #[cfg(unix)] {
    /// use std::os::fd::AsRawFd;
    /// # homebound::scope(|scope| {
    /// scope.spawn("loop", "runs a foreign event loop", |cx| {
    ///     let stop = cx.stop_fd()?;
    ///     // Added to the loop's own descriptors.
    ///     let fd = stop.as_raw_fd();
    ///     let mut polled = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    ///     assert_eq!(unsafe { libc::poll(&mut polled, 1, -1) }, 1);
    ///     Ok(cx.checkpoint()?)
    /// })?;
    /// # Ok(scope.stop())
    /// # }).unwrap();
    /// # }
    /// ```
    #[track_caller]
    pub fn stop_fd(&self) -> io::Result<BorrowedFd<'_>> {
        self.point("stop_fd", Location::caller());
        self.record().node.lend();
        Ok(self.node().event(Keeper::Timer)?.as_fd())
    }

    /// Blocks until `fd` has data to read, has reached its end, or has an error; for at most
    /// `timeout`.
    ///
    /// ```
    /// # #[cfg(unix)] homebound::scope(|scope| {
    /// use std::io::Write;
    /// use std::os::unix::net::UnixStream;
    ///
    /// let (ours, mut theirs) = UnixStream::pair()?;
    /// theirs.write_all(b"hello")?;
    /// scope.context().wait_readable(&ours, None)?; // returns at once: there is data
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// An error that wraps [`Stopped`](crate::Stopped), at once if the context is stopping already;
    /// `TimedOut`; an error of the system about the descriptor.
    #[track_caller]
    #[must_use = "a stop ends it with an error, and every later call at once: leave the loop; `homebound::is_stop` knows it"]
    pub fn wait_readable(&self, fd: &impl AsFd, timeout: Option<Duration>) -> io::Result<()> {
        self.wait_until_ready("readable", fd.as_fd(), Direction::In, timeout, Location::caller())
    }

    /// Blocks until data can be written to `fd`, or `fd` has an error; for at most `timeout`.
    ///
    /// ```
    /// # #[cfg(unix)] homebound::scope(|scope| {
    /// use std::os::unix::net::UnixStream;
    ///
    /// let (ours, _theirs) = UnixStream::pair()?;
    /// scope.context().wait_writable(&ours, None)?; // returns at once: there is room
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// As [`wait_readable`](Self::wait_readable).
    #[track_caller]
    #[must_use = "a stop ends it with an error, and every later call at once: leave the loop; `homebound::is_stop` knows it"]
    pub fn wait_writable(&self, fd: &impl AsFd, timeout: Option<Duration>) -> io::Result<()> {
        self.wait_until_ready("writable", fd.as_fd(), Direction::Out, timeout, Location::caller())
    }

    /// Wraps a stream so that its reads and writes end on stop: a socket, a pipe, a child's output,
    /// a terminal, standard input. Works on the descriptor: data that `stream` itself has buffered
    /// is not seen.
    ///
    /// ```
    /// # #[cfg(unix)] {
    /// use std::io::{BufRead, BufReader, Write};
    /// use std::os::unix::net::UnixStream;
    /// # homebound::scope(|scope| {
    /// let (ours, mut theirs) = UnixStream::pair()?;
    /// let reader = scope.spawn("reader", "reads a line", move |cx| {
    ///     let mut line = String::new();
    ///     BufReader::new(cx.io(ours)).read_line(&mut line)?;
    ///     Ok(line)
    /// })?;
    /// theirs.write_all(b"hello\n")?;
    /// assert_eq!(reader.join()?, "hello\n");
    /// # Ok(())
    /// # }).unwrap();
    /// # }
    /// ```
    #[track_caller]
    pub fn io<S: AsFd>(&self, stream: S) -> Io<'_, S> {
        let kind = fd::kind(stream.as_fd());
        Io { context: self, stream, kind, timeout: None, caller: Location::caller() }
    }

    pub(crate) fn wait_until_ready(
        &self,
        what: &'static str,
        fd: BorrowedFd<'_>,
        direction: Direction,
        timeout: Option<Duration>,
        caller: &'static Location<'static>,
    ) -> io::Result<()> {
        self.point(what, caller);
        let end = timeout.map(|timeout| after(Instant::now(), timeout));
        let _mark = WaitMark::new(what, caller);
        self.until_ready(fd, direction, end)
    }

    /// Blocks until the descriptor is ready. The stop wins (S7).
    pub(crate) fn until_ready(
        &self,
        fd: BorrowedFd<'_>,
        direction: Direction,
        end: Option<Instant>,
    ) -> io::Result<()> {
        let node = self.node();
        // Once: the descriptor stays readable from the stop on. This wait keeps the time itself.
        // Pairs with `Node::wake`.
        let event = node.event(Keeper::Listener)?;
        loop {
            self.go_on()?;
            // Get the alert before the end. A limit that is set after `limit_end` was read signals
            // the alert.
            let alert = node.alert_event()?;
            let first = end.into_iter().chain(node.limit_end()).min();
            // Blocks here. The descriptor of the program's is polled together with ours, and not
            // read.
            match fd::wait_for_either(fd, direction, event, alert, first)? {
                Ready::Descriptor => return Ok(()),
                Ready::TimedOut if end.is_some_and(|end| Instant::now() >= end) => {
                    return Err(ErrorKind::TimedOut.into());
                }
                // A deadline, the stop, or the alert: `go_on` and `limit_end` find out which.
                Ready::Event | Ready::TimedOut => {}
            }
        }
    }

    /// Returns an error that wraps the stop, if the context is stopping. Loops of std do not
    /// retry an error of this kind.
    pub(crate) fn go_on(&self) -> io::Result<()> {
        if self.node().is_stopping() { Err(io::Error::other(self.stopped())) } else { Ok(()) }
    }
}

/// A stream whose reads and writes end on stop. From [`Context::io`].
///
/// ```
/// # #[cfg(unix)] homebound::scope(|scope| {
/// use std::io::Read;
/// use std::os::unix::net::UnixStream;
///
/// let (ours, _theirs) = UnixStream::pair()?;
/// let reader = scope.spawn("reader", "reads", move |cx| Ok(cx.io(ours).read(&mut [0])?))?;
/// reader.stop();
/// assert!(reader.join().is_err()); // the read ended with the stop
/// # Ok(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// After the stop each call fails at once, with an error that wraps [`Stopped`](crate::Stopped).
/// Data that was transferred before stays transferred. No error has the kind `Interrupted`, which
/// std would retry for ever. `TimedOut` after the stream's own time-out ([`timeout`](Io::timeout),
/// or `set_read_timeout` and `set_write_timeout` of a socket, whichever is shorter). To finish an
/// answer that was begun, use [`Context::shield`] and the context that it gives.
///
/// # Blocking
/// A regular file is read and written as by std: its waits are the kernel's and end with the disk.
/// Sockets, pipes and terminals may have any number of readers and writers. Another kind of device,
/// the master of a terminal, or a terminal where the system refuses a second description of it (no
/// descriptor is free, `/proc` is not there), may give one of two readers nothing after it was
/// ready; that reader then waits as by std, and hears no stop.
pub struct Io<'a, S> {
    context: &'a Context,
    stream: S,
    kind: Transfer,
    timeout: Option<Duration>,
    caller: &'static Location<'static>,
}

impl<S: AsFd> Io<'_, S> {
    /// Sets how long each read and each write may wait. `None`: until the stop.
    ///
    /// ```
    /// # #[cfg(unix)] homebound::scope(|scope| {
    /// use std::io::{ErrorKind, Read};
    /// use std::os::unix::net::UnixStream;
    /// use std::time::Duration;
    ///
    /// let (ours, _theirs) = UnixStream::pair()?;
    /// let mut ours = scope.context().io(ours).timeout(Duration::from_millis(1));
    /// assert_eq!(ours.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// Returns the stream inside.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Returns the stream inside.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Returns the stream, and ends the wrapping. No data is lost, because nothing is buffered
    /// here.
    ///
    /// ```
    /// # #[cfg(unix)] homebound::scope(|scope| {
    /// use std::os::unix::net::UnixStream;
    ///
    /// let (ours, _theirs) = UnixStream::pair()?;
    /// let stream: UnixStream = scope.context().io(ours).into_inner();
    /// # Ok(drop(stream))
    /// # }).unwrap();
    /// ```
    pub fn into_inner(self) -> S {
        self.stream
    }

    /// Tries the call at once if the call itself does not wait; otherwise, and if there was nothing
    /// to transfer, when the descriptor is ready.
    pub(crate) fn transfer<R>(
        &self,
        what: &'static str,
        direction: Direction,
        mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<R>,
    ) -> io::Result<R> {
        let fd = self.stream.as_fd();
        self.context.point(what, self.caller);
        self.context.go_on()?;
        // Look a few times before the thread sleeps, as `recv` does.
        let backoff = Backoff::new();
        while self.kind != Transfer::Stream && !backoff.is_completed() {
            match call(fd) {
                Err(error) if is_not_ready(&error) => backoff.snooze(),
                done => return done,
            }
        }
        let own = fd::own_timeout(fd, direction).into_iter().chain(self.timeout).min();
        let end = own.map(|timeout| after(Instant::now(), timeout));
        let _mark = WaitMark::new(what, self.caller);
        let (backoff, mut pause) = (Backoff::new(), FIRST_PAUSE);
        loop {
            // Looks for the stop first (S7), so a loop over a busy stream ends.
            self.context.until_ready(fd, direction, end)?;
            match call(fd) {
                Err(error) if is_not_ready(&error) => {}
                done => return done,
            }
            // Another thread was faster. Or a terminal has room for one byte, and a line feed is
            // two: the terminal stays ready and takes nothing. So pause, to use no processor.
            let now = Instant::now();
            if end.is_some_and(|end| now >= end) {
                return Err(ErrorKind::TimedOut.into());
            }
            if !backoff.is_completed() {
                backoff.snooze();
            } else {
                self.context.pause(Some(now + pause));
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

fn is_not_ready(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

impl<S: AsFd> Read for Io<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.transfer("read", Direction::In, |fd| fd::read(fd, self.kind, buffer))
    }
}

impl<S: AsFd> Write for Io<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        self.transfer("write", Direction::Out, |fd| fd::write(fd, self.kind, bytes))
    }

    /// Nothing is buffered.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: AsFd> AsFd for Io<'_, S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl<S: AsFd> fmt::Debug for Io<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io")
            .field("fd", &self.stream.as_fd())
            .field("from", &self.caller)
            .finish_non_exhaustive()
    }
}

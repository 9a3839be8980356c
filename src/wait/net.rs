//! Owns the waits of sockets that are no streams: for an incoming connection, for an outgoing one,
//! for datagrams.
//! Refuses to hide the look-up of a name, because the system waits for it and no stop ends that.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::Location;
use std::time::{Duration, Instant};

use crate::rt::time::after;
use crate::sys::fd;
use crate::sys::nowait::Direction;
use crate::sys::standard::above_standard;
use crate::thread::context::Context;
use crate::tree::wait_mark::WaitMark;

/// ## Connections (unix)
impl Context {
    /// Waits for a connection, until the stop. Reads and writes of the stream block as std's do;
    /// [`io`](Self::io) makes them end on stop.
    ///
    /// The listener is made non-blocking, and so are its clones. Otherwise, if another thread took
    /// the connection between the check and the call, the system would wait for the next
    /// connection, and that wait would hear no stop.
    ///
    /// # Errors
    /// An error that wraps [`Stopped`](crate::Stopped), at once if the context is stopping already.
    /// Otherwise the system's: if there is no descriptor left, the connection still waits, so pause
    /// before the next try.
    ///
    /// ```
    /// # #[cfg(unix)] {
    /// use std::net::TcpListener;
    /// # homebound::scope(|scope| {
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// scope.service("door", "takes connections", move |cx| {
    ///     loop {
    ///         let (stream, from) = cx.accept(&listener)?;
    ///         cx.spawn(format!("guest {from}"), "serves one connection", move |cx| {
    ///             let mut both = (cx.io(&stream), cx.io(&stream));
    ///             std::io::copy(&mut both.0, &mut both.1)?;
    ///             Ok(())
    ///         })?;
    ///     }
    /// })?;
    /// # Ok(())
    /// # }).unwrap();
    /// # }
    /// ```
    #[track_caller]
    #[must_use = "a stop ends it with an error, and every later call at once: leave the loop; `homebound::is_stop` knows it"]
    pub fn accept<L: Listener>(&self, listener: &L) -> io::Result<(L::Stream, L::Address)> {
        let caller = Location::caller();
        self.point("accept", caller);
        self.go_on()?;
        listener.unblock()?;
        let mut mark = None;
        loop {
            // Never blocks (the listener is not blocking any more), so another thread may take the
            // connection first: then wait again.
            match listener.take() {
                Err(error) if is_no_connection(&error) => {}
                done => return done,
            }
            // Only if there is something to wait for, because the fast path makes no mark.
            mark.get_or_insert_with(|| WaitMark::new("accept", caller));
            self.until_ready(listener.as_fd(), Direction::In, None)?;
        }
    }

    /// Connects to the first of the addresses that answers, until the stop; tries each address for
    /// at most `timeout`.
    ///
    /// The system's resolver looks a host's *name* up first, and no stop ends that. Where it
    /// matters, look the name up on a thread of its own, and give an address here.
    ///
    /// ```
    /// # #[cfg(unix)] homebound::scope(|scope| {
    /// use std::net::TcpListener;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = scope.context().connect(listener.local_addr()?, None)?;
    /// assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// An error that wraps [`Stopped`](crate::Stopped), at once if the context is stopping already;
    /// `TimedOut`; the error of the last address; `InvalidInput` if there is no address.
    #[track_caller]
    #[must_use = "a stop ends it with an error, and every later call at once: leave the loop; `homebound::is_stop` knows it"]
    pub fn connect(
        &self,
        address: impl ToSocketAddrs,
        timeout: impl Into<Option<Duration>>,
    ) -> io::Result<TcpStream> {
        let (caller, timeout) = (Location::caller(), timeout.into());
        self.point("connect", caller);
        let _mark = WaitMark::new("connect", caller);
        let mut last =
            io::Error::new(io::ErrorKind::InvalidInput, "connect: there is no address to connect to");
        for address in address.to_socket_addrs()? {
            // Between two addresses as well: the stop wins over the next one (S7).
            self.go_on()?;
            match self.connect_to(address, timeout) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        // The last address may have failed because of the stop.
        self.go_on()?;
        Err(last)
    }

    fn connect_to(&self, address: SocketAddr, timeout: Option<Duration>) -> io::Result<TcpStream> {
        let end = timeout.map(|timeout| after(Instant::now(), timeout));
        let socket = fd::begin_connect(address)?;
        self.until_ready(socket.as_fd(), Direction::Out, end)?;
        fd::end_connect(&socket)?;
        Ok(TcpStream::from(socket))
    }
}

/// ## Datagrams (unix)
///
/// [`io`](Self::io) is `recv` and `send` of a socket that is connected.
impl Context {
    /// Receives a datagram, and returns its length and the address of its sender; until the stop.
    ///
    /// Any number of threads may receive from one socket. (A thread that waits until the socket is
    /// readable, and then receives by std, may find that another thread was faster; it then hears
    /// no stop.) Bytes that do not fit into `buffer` are lost, as with std.
    ///
    /// # Errors
    /// An error that wraps [`Stopped`](crate::Stopped), at once if the context is stopping already;
    /// `TimedOut` after the time-out of the socket (`set_read_timeout`); an error of the system.
    ///
    /// ```
    /// # #[cfg(unix)] homebound::scope(|scope| {
    /// # use std::net::UdpSocket;
    /// let (socket, client) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    /// let address = socket.local_addr()?;
    /// scope.service("echo", "answers with what it hears", move |cx| {
    ///     let mut buffer = [0; 1500];
    ///     loop {
    ///         let (count, from) = cx.recv_from(&socket, &mut buffer)?;
    ///         cx.send_to(&socket, &buffer[..count], from)?;
    ///     }
    /// })?;
    /// let (cx, mut buffer) = (scope.context(), [0; 10]);
    /// cx.send_to(&client, b"hello", address)?;
    /// assert_eq!(cx.recv_from(&client, &mut buffer)?, (5, address));
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    #[must_use = "a stop ends it with an error, and every later call at once: leave the loop; `homebound::is_stop` knows it"]
    pub fn recv_from(&self, socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.io(socket).transfer("recv_from", Direction::In, |fd| fd::recv_from(fd, buffer))
    }

    /// Sends a datagram to the first of the addresses, as std does; waits for room, until the stop.
    ///
    /// ```
    /// # #[cfg(unix)] homebound::scope(|scope| {
    /// use std::net::UdpSocket;
    ///
    /// let (here, there) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    /// assert_eq!(scope.context().send_to(&here, b"ping", there.local_addr()?)?, 4);
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from), with `set_write_timeout`; `InvalidInput` if there is no
    /// address.
    #[track_caller]
    #[must_use = "a stop ends it with an error, and every later call at once: leave the loop; `homebound::is_stop` knows it"]
    pub fn send_to(
        &self,
        socket: &UdpSocket,
        bytes: &[u8],
        address: impl ToSocketAddrs,
    ) -> io::Result<usize> {
        let first = address.to_socket_addrs()?.next();
        let nowhere =
            || io::Error::new(io::ErrorKind::InvalidInput, "send_to: there is no address to send to");
        let to = first.ok_or_else(nowhere)?;
        self.io(socket).transfer("send_to", Direction::Out, |fd| fd::send_to(fd, bytes, to))
    }
}

/// Returns true if no connection is waiting, or the peer has gone away before it was accepted.
fn is_no_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, Interrupted, WouldBlock};
    matches!(error.kind(), WouldBlock | Interrupted | ConnectionAborted)
}

/// A socket that [`Context::accept`] takes connections from: std's `TcpListener` and
/// `UnixListener`.
///
/// ```
/// # #[cfg(unix)] homebound::scope(|scope| {
/// use homebound::wait::Listener;
///
/// fn first<L: Listener>(cx: &homebound::Context, door: &L) -> std::io::Result<L::Stream> {
///     Ok(cx.accept(door)?.0)
/// }
/// let door = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let _guest = std::net::TcpStream::connect(door.local_addr()?)?;
/// first(scope.context(), &door)?;
/// # Ok(())
/// # }).unwrap();
/// ```
pub trait Listener: AsFd + sealed::Sealed {
    /// A connection.
    type Stream;
    /// The address of the peer.
    type Address;
    #[doc(hidden)]
    fn unblock(&self) -> io::Result<()>;
    #[doc(hidden)]
    fn take(&self) -> io::Result<(Self::Stream, Self::Address)>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::TcpListener {}
    impl Sealed for super::UnixListener {}
}

impl Listener for TcpListener {
    type Stream = TcpStream;
    type Address = SocketAddr;

    fn unblock(&self) -> io::Result<()> {
        self.set_nonblocking(true)
    }

    fn take(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, from) = self.accept()?;
        // On some systems the stream inherits the flag of the listener.
        stream.set_nonblocking(false)?;
        Ok((above_standard(stream), from))
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;
    type Address = std::os::unix::net::SocketAddr;

    fn unblock(&self) -> io::Result<()> {
        self.set_nonblocking(true)
    }

    fn take(&self) -> io::Result<(UnixStream, Self::Address)> {
        let (stream, from) = self.accept()?;
        stream.set_nonblocking(false)?;
        Ok((above_standard(stream), from))
    }
}

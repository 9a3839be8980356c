//! Owns the calls on descriptors: an event that stays set, the wait for a descriptor or an event,
//! and transfers that do not wait.
//! Refuses to know why a caller waits, and to change the flags of a caller's descriptor, because
//! all its copies share them.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{FdSetElement, PollFd, PollFlags, Timespec, fd_set_insert, poll, select};
use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use super::nowait::{self, Direction};
use super::standard::above_standard;

/// Makes a pipe that no child process inherits. Returns the end to read from, then the end to write
/// to.
#[cfg(target_os = "linux")]
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?)
}

/// Makes a pipe, as above, in two steps, because not every system has both in one call. A process
/// that is forked between the steps inherits the pipe.
#[cfg(not(target_os = "linux"))]
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = rustix::pipe::pipe()?;
    rustix::io::ioctl_fioclex(&reader)?;
    rustix::io::ioctl_fioclex(&writer)?;
    Ok((reader, writer))
}

/// A descriptor that is readable for ever once `set` was called.
#[derive(Debug)]
pub(crate) struct Event {
    reader: OwnedFd,
    /// Written by `set`. On Linux, `reader` is written to as well.
    #[cfg(not(target_os = "linux"))]
    writer: OwnedFd,
}

impl Event {
    #[cfg(target_os = "linux")]
    pub(crate) fn new() -> io::Result<Event> {
        use rustix::event::{EventfdFlags, eventfd};
        let event =
            Event { reader: above_standard(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?) };
        // Before it was moved, the descriptor may have had the number of a standard stream. Take
        // out what was printed to that number meanwhile, because it has set the event.
        let _nothing_mostly = rustix::io::read(&event.reader, &mut [0; 8]);
        Ok(event)
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn new() -> io::Result<Event> {
        let (reader, writer) = io::pipe()?;
        let [reader, writer] = [reader.into(), writer.into()].map(above_standard::<OwnedFd>);
        // `set` must not block if the pipe is full.
        rustix::io::ioctl_fionbio(&writer, true)?;
        Ok(Event { reader, writer })
    }

    /// Sets the event. Never blocks. If the descriptor is full, the event is set already. Pairs
    /// with `wait_for_either`, whose `poll` ends when the event is readable.
    pub(crate) fn set(&self) {
        #[cfg(target_os = "linux")]
        let writer = &self.reader;
        #[cfg(not(target_os = "linux"))]
        let writer = &self.writer;
        let _full_is_fine = rustix::io::write(writer, &1_u64.to_ne_bytes());
    }
}

impl AsFd for Event {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}

/// The reason why [`wait_for_either`] returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ready {
    /// A transfer would not wait. It may still fail, or find the end of the data.
    Descriptor,
    /// The event or the alert is set. Wins if the descriptor is ready as well.
    Event,
    /// `until` has passed.
    TimedOut,
}

/// Blocks until `fd` is ready, `event` or `alert` is set, or `until` passes. Pairs with
/// `Event::set`.
///
/// # Errors
/// `EBADF` if `fd` is not open. Otherwise the system refuses to wait, for example if the limit of
/// open files is below two, or below three with an alert.
pub(crate) fn wait_for_either(
    fd: BorrowedFd<'_>,
    direction: Direction,
    event: &Event,
    alert: Option<&Event>,
    until: Option<Instant>,
) -> io::Result<Ready> {
    let wanted = events_of(direction);
    loop {
        let timeout = left_until(until);
        // Without an alert, the event takes the third place, and `asked` leaves that place out.
        let [event, alert_or_not] =
            [event, alert.unwrap_or(event)].map(|event| PollFd::new(event, PollFlags::IN));
        let mut all = [PollFd::from_borrowed_fd(fd, wanted), event, alert_or_not];
        let asked = &mut all[..2 + usize::from(alert.is_some())];
        match poll(asked, timeout.as_ref()) {
            Ok(0) => return Ok(Ready::TimedOut),
            // Before the descriptor, so that a stop wins over data.
            Ok(_) if asked[1..].iter().any(|event| !event.revents().is_empty()) => return Ok(Ready::Event),
            Ok(_) if asked[0].revents().contains(PollFlags::NVAL) => return Err(Errno::BADF.into()),
            Ok(_) => return Ok(Ready::Descriptor),
            // A signal handler ran. Wait on, for the time that is left.
            Err(Errno::INTR) => {}
            Err(refused) => return Err(refused.into()),
        }
    }
}

fn events_of(direction: Direction) -> PollFlags {
    match direction {
        Direction::In => PollFlags::IN,
        Direction::Out => PollFlags::OUT,
    }
}

/// Returns the time from now to `until`, as the kernel takes it. `None` if only a descriptor ends
/// the wait: there is no `until`, or it is too far away for the kernel.
fn left_until(until: Option<Instant>) -> Option<Timespec> {
    let left = until.map(|at| at.saturating_duration_since(Instant::now()));
    left.and_then(|left| Timespec::try_from(left).ok())
}

/// Blocks until `fd` is ready, or `until` passes. True if `fd` is ready. Allocates nothing.
///
/// # Errors
/// The kernel does not wait for `fd`.
pub(super) fn wait_for(fd: BorrowedFd<'_>, direction: Direction, until: Option<Instant>) -> io::Result<bool> {
    let wanted = events_of(direction);
    loop {
        let timeout = left_until(until);
        let mut asked = [PollFd::from_borrowed_fd(fd, wanted)];
        match poll(&mut asked, timeout.as_ref()) {
            Ok(0) => return Ok(false),
            Ok(_) if asked[0].revents().contains(PollFlags::NVAL) => return Err(Errno::BADF.into()),
            Ok(_) => return Ok(true),
            Err(Errno::INTR) => {}
            // The limit of open files is lower than the number of descriptors asked for
            // (`poll(2)`). The limit can even be 0 while open descriptors can still be used, so
            // wait with `select`.
            Err(Errno::INVAL) => return select_one(fd, direction, until),
            Err(refused) => return Err(refused.into()),
        }
    }
}

/// Blocks until `fd` can be written to (true), or until `until` (false). Calls `attend` first,
/// whenever `beside` can be read, and at the moment that the last call has returned. `attend` reads
/// what `beside` has. Allocates nothing.
pub(super) fn wait_to_write_beside(
    fd: BorrowedFd<'_>,
    beside: BorrowedFd<'_>,
    until: Instant,
    attend: &mut dyn FnMut() -> Option<Instant>,
) -> bool {
    loop {
        let next = attend().map_or(until, |next| next.min(until));
        let timeout = left_until(Some(next));
        let [write, read] = [(fd, PollFlags::OUT), (beside, PollFlags::IN)];
        let mut asked = [write, read].map(|(fd, events)| PollFd::from_borrowed_fd(fd, events));
        let known = poll(&mut asked, timeout.as_ref());
        let [write, read] = asked.map(|fd| fd.revents());
        match known {
            Ok(0) if Instant::now() >= until => return false,
            Ok(_) if !write.is_empty() => return !write.contains(PollFlags::NVAL),
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) if read.contains(PollFlags::IN) => {}
            // The program has closed `beside`, or the limit of open files is lower than two.
            Ok(_) | Err(_) => return wait_for(fd, Direction::Out, Some(until)).unwrap_or(false),
        }
    }
}

/// Does the same as [`wait_for`], for the first few thousand numbers of descriptors, because the
/// set has a fixed size.
#[allow(unsafe_code)]
fn select_one(fd: BorrowedFd<'_>, direction: Direction, until: Option<Instant>) -> io::Result<bool> {
    const ELEMENTS: usize = 64;
    let number = fd.as_raw_fd();
    if usize::try_from(number).is_ok_and(|number| number / 8 >= size_of::<[FdSetElement; ELEMENTS]>()) {
        return Err(Errno::INVAL.into());
    }
    loop {
        let timeout = left_until(until);
        let mut set = [FdSetElement::default(); ELEMENTS];
        fd_set_insert(&mut set, number);
        let (read, write) = match direction {
            Direction::In => (Some(&mut set[..]), None),
            Direction::Out => (None, Some(&mut set[..])),
        };
        // SAFETY: the set has room for `number`, as checked above, and holds this one descriptor,
        // which is borrowed for the call.
        match unsafe { select(number + 1, read, write, None, timeout.as_ref()) } {
            Ok(count) => return Ok(count > 0),
            Err(Errno::INTR) => {}
            Err(refused) => return Err(refused.into()),
        }
    }
}

/// How a transfer on a descriptor is kept from waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transfer {
    /// By a flag of the call (`MSG_DONTWAIT`).
    Socket,
    /// By a flag of the call (`RWF_NOWAIT`), or by a second description of the same file. If
    /// neither is possible, a transfer may wait: the caller polls first, and `write` takes only as
    /// many bytes as a stream that is ready has room for.
    Stream,
    /// Not at all. A regular file is always ready, and the kernel waits for the disk.
    File,
}

/// Returns the kind of a descriptor. It is `Stream` unless it is known to be another.
pub(crate) fn kind(fd: BorrowedFd<'_>) -> Transfer {
    match rustix::fs::fstat(fd).map(|stat| FileType::from_raw_mode(stat.st_mode)) {
        Ok(FileType::Socket) => Transfer::Socket,
        Ok(FileType::RegularFile | FileType::Directory | FileType::BlockDevice) => Transfer::File,
        Ok(_) | Err(_) => Transfer::Stream,
    }
}

/// Reads what is there. For a stream, the caller has polled before and found it ready.
///
/// # Errors
/// `WouldBlock` if there is nothing.
pub(crate) fn read(fd: BorrowedFd<'_>, kind: Transfer, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(match kind {
        Transfer::Socket => rustix::net::recv(fd, buffer, RecvFlags::DONTWAIT)?.0,
        Transfer::Stream => match nowait::read(fd, buffer) {
            Err(Errno::OPNOTSUPP) => match nowait::reopen(fd, Direction::In) {
                Ok(own) => rustix::io::read(&own, buffer)?,
                // No way without waiting is left. This read waits if another reader was faster.
                Err(_) => rustix::io::read(fd, buffer)?,
            },
            read => read?,
        },
        Transfer::File => rustix::io::read(fd, buffer)?,
    })
}

/// Writes as much as the descriptor takes, and keeps from waiting as [`read`] does.
pub(crate) fn write(fd: BorrowedFd<'_>, kind: Transfer, bytes: &[u8]) -> io::Result<usize> {
    Ok(match kind {
        Transfer::Socket => rustix::net::send(fd, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?,
        Transfer::Stream => match nowait::write(fd, bytes) {
            Err(Errno::OPNOTSUPP) => match nowait::reopen(fd, Direction::Out) {
                Ok(own) => rustix::io::write(&own, bytes)?,
                // No way without waiting is left. This write waits if another writer was faster.
                Err(_) => rustix::io::write(fd, bytes.get(..at_once(fd)).unwrap_or(bytes))?,
            },
            written => written?,
        },
        Transfer::File => rustix::io::write(fd, bytes)?,
    })
}

/// Receives a datagram that is there. Returns its length, and the address of its sender.
///
/// # Errors
/// `WouldBlock` if no datagram is there. `EAFNOSUPPORT` if the sender has no IP address.
pub(crate) fn recv_from(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    let (count, _, from) = rustix::net::recvfrom(fd, buffer, RecvFlags::DONTWAIT)?;
    let from = from.and_then(|from| SocketAddr::try_from(from).ok());
    Ok((count, from.ok_or(Errno::AFNOSUPPORT)?))
}

/// Sends a datagram if there is room for it. Fails with `WouldBlock` if not.
pub(crate) fn send_to(fd: BorrowedFd<'_>, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
    Ok(rustix::net::sendto(fd, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL, &to)?)
}

/// Returns how many bytes a stream takes without waiting when it is ready: for a pipe, the number
/// that Linux or POSIX guarantees; for a terminal, one.
fn at_once(fd: BorrowedFd<'_>) -> usize {
    const OF_A_PIPE: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };
    if rustix::termios::isatty(fd) { 1 } else { OF_A_PIPE }
}

/// Returns the time-out that the program has set on the socket (`set_read_timeout`,
/// `set_write_timeout`).
pub(crate) fn own_timeout(fd: BorrowedFd<'_>, direction: Direction) -> Option<Duration> {
    let which = match direction {
        Direction::In => Timeout::Recv,
        Direction::Out => Timeout::Send,
    };
    sockopt::socket_timeout(fd, which).ok().flatten()
}

/// Begins to connect a new socket to `address`, without waiting. The socket is ready for writing
/// once it is connected or the connecting has failed. Then `end_connect` tells which.
pub(crate) fn begin_connect(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = above_standard(stream_socket(family)?);
    rustix::io::ioctl_fionbio(&socket, true)?;
    match rustix::net::connect(&socket, &address) {
        // After `EINTR`, too, the kernel goes on connecting (`connect(2)`).
        Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => Ok(socket),
        Err(refused) => Err(refused.into()),
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn stream_socket(family: AddressFamily) -> io::Result<OwnedFd> {
    Ok(rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn stream_socket(family: AddressFamily) -> io::Result<OwnedFd> {
    let socket = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::empty(), None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    Ok(socket)
}

/// Returns how the connecting ended, and lets the socket block again.
pub(crate) fn end_connect(socket: &OwnedFd) -> io::Result<()> {
    sockopt::socket_error(socket)??;
    Ok(rustix::io::ioctl_fionbio(socket, false)?)
}

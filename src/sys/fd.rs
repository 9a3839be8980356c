//! Owns the calls on descriptors: an event that stays set, the wait for a descriptor or an event, transfers that do not wait.
//! Refuses to know why one waits, and to change the flags of a descriptor, which all its copies share.

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

/// A pipe that no child process inherits: its end to read from, and its end to write to.
#[cfg(target_os = "linux")]
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?)
}

/// As above. A process that is forked between the two steps inherits the pipe: not every system makes both at once.
#[cfg(not(target_os = "linux"))]
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = rustix::pipe::pipe()?;
    rustix::io::ioctl_fioclex(&reader)?;
    rustix::io::ioctl_fioclex(&writer)?;
    Ok((reader, writer))
}

/// Readable from the moment when it is set, for ever.
#[derive(Debug)]
pub(crate) struct Event {
    reader: OwnedFd,
    /// The same as `reader` on Linux.
    #[cfg(not(target_os = "linux"))]
    writer: OwnedFd,
}

impl Event {
    #[cfg(target_os = "linux")]
    pub(crate) fn new() -> io::Result<Event> {
        use rustix::event::{EventfdFlags, eventfd};
        let event =
            Event { reader: above_standard(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?) };
        // What was printed into it while it had the number of a standard stream.
        let _nothing_mostly = rustix::io::read(&event.reader, &mut [0; 8]);
        Ok(event)
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn new() -> io::Result<Event> {
        let (reader, writer) = io::pipe()?;
        let [reader, writer] = [reader.into(), writer.into()].map(above_standard::<OwnedFd>);
        rustix::io::ioctl_fionbio(&writer, true)?;
        Ok(Event { reader, writer })
    }

    /// Never blocks. One that is full is set already.
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ready {
    /// A transfer would not wait; it may fail, or find the end.
    Descriptor,
    /// Wins if both are ready.
    Event,
    TimedOut,
}

/// Blocks until `fd` is ready, `event` or `alert` is set, or `until`.
///
/// # Errors
/// The descriptor is not open; or the system refuses to wait, as where the limit of open files is below two, or three with an alert.
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
        let [event, alert_or_not] =
            [event, alert.unwrap_or(event)].map(|event| PollFd::new(event, PollFlags::IN));
        let mut all = [PollFd::from_borrowed_fd(fd, wanted), event, alert_or_not];
        let asked = &mut all[..2 + usize::from(alert.is_some())];
        match poll(asked, timeout.as_ref()) {
            Ok(0) => return Ok(Ready::TimedOut),
            Ok(_) if asked[1..].iter().any(|event| !event.revents().is_empty()) => return Ok(Ready::Event),
            Ok(_) if asked[0].revents().contains(PollFlags::NVAL) => return Err(Errno::BADF.into()),
            Ok(_) => return Ok(Ready::Descriptor),
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

/// The time from now to `until`, as the kernel takes it; `None` where nothing ends the wait but a descriptor.
fn left_until(until: Option<Instant>) -> Option<Timespec> {
    let left = until.map(|at| at.saturating_duration_since(Instant::now()));
    left.and_then(|left| Timespec::try_from(left).ok())
}

/// True if `fd` is ready before `until`; an error if the kernel does not wait for it. Allocates nothing.
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
            // `poll(2)`: the limit of open files is lower than the number of descriptors asked for. It may be none at all, though
            // those that are open can be used.
            Err(Errno::INVAL) => return select_one(fd, direction, until),
            Err(refused) => return Err(refused.into()),
        }
    }
}

/// As [`wait_for`], for the first few thousand descriptors.
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
        // SAFETY: the set holds one descriptor, which is borrowed for this call, and has room for its number.
        match unsafe { select(number + 1, read, write, None, timeout.as_ref()) } {
            Ok(count) => return Ok(count > 0),
            Err(Errno::INTR) => {}
            Err(refused) => return Err(refused.into()),
        }
    }
}

/// How a transfer is kept from waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// By a flag of the call.
    Socket,
    /// By a flag of the call, or a description of our own: what could wait after all is asked for first, and written in parts.
    Stream,
    /// Not at all: a regular file is always ready, and the kernel waits for the disk.
    File,
}

/// What is not known to be anything else is a stream.
pub(crate) fn kind(fd: BorrowedFd<'_>) -> Kind {
    match rustix::fs::fstat(fd).map(|stat| FileType::from_raw_mode(stat.st_mode)) {
        Ok(FileType::Socket) => Kind::Socket,
        Ok(FileType::RegularFile | FileType::Directory | FileType::BlockDevice) => Kind::File,
        Ok(_) | Err(_) => Kind::Stream,
    }
}

/// `WouldBlock` if there is nothing; of a stream one has to know that it is ready.
pub(crate) fn read(fd: BorrowedFd<'_>, kind: Kind, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(match kind {
        Kind::Socket => rustix::net::recv(fd, buffer, RecvFlags::DONTWAIT)?.0,
        Kind::Stream => match nowait::read(fd, buffer) {
            Err(Errno::OPNOTSUPP) => match nowait::reopen(fd, Direction::In) {
                Ok(own) => rustix::io::read(&own, buffer)?,
                // It waits if another reader was faster.
                Err(_) => rustix::io::read(fd, buffer)?,
            },
            read => read?,
        },
        Kind::File => rustix::io::read(fd, buffer)?,
    })
}

/// As [`read`].
pub(crate) fn write(fd: BorrowedFd<'_>, kind: Kind, bytes: &[u8]) -> io::Result<usize> {
    Ok(match kind {
        Kind::Socket => rustix::net::send(fd, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?,
        Kind::Stream => match nowait::write(fd, bytes) {
            Err(Errno::OPNOTSUPP) => match nowait::reopen(fd, Direction::Out) {
                Ok(own) => rustix::io::write(&own, bytes)?,
                // It waits if another writer was faster.
                Err(_) => rustix::io::write(fd, bytes.get(..at_once(fd)).unwrap_or(bytes))?,
            },
            written => written?,
        },
        Kind::File => rustix::io::write(fd, bytes)?,
    })
}

/// Receives a datagram that is there, and whence it comes.
pub(crate) fn recv_from(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    let (count, _, from) = rustix::net::recvfrom(fd, buffer, RecvFlags::DONTWAIT)?;
    let from = from.and_then(|from| SocketAddr::try_from(from).ok());
    Ok((count, from.ok_or(Errno::AFNOSUPPORT)?))
}

/// Sends a datagram if there is room for it.
pub(crate) fn send_to(fd: BorrowedFd<'_>, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
    Ok(rustix::net::sendto(fd, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL, &to)?)
}

/// How many bytes a stream takes without waiting when it is ready: a pipe POSIX's least or Linux's, a terminal one.
fn at_once(fd: BorrowedFd<'_>) -> usize {
    const OF_A_PIPE: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };
    if rustix::termios::isatty(fd) { 1 } else { OF_A_PIPE }
}

/// The time-out that was set on the socket itself (`set_read_timeout`, `set_write_timeout`).
pub(crate) fn own_timeout(fd: BorrowedFd<'_>, direction: Direction) -> Option<Duration> {
    let which = match direction {
        Direction::In => Timeout::Recv,
        Direction::Out => Timeout::Send,
    };
    sockopt::socket_timeout(fd, which).ok().flatten()
}

/// A socket that is on its way to `address`: ready for writing when it is there, or has failed.
pub(crate) fn begin_connect(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = above_standard(stream_socket(family)?);
    rustix::io::ioctl_fionbio(&socket, true)?;
    match rustix::net::connect(&socket, &address) {
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

/// How the connecting ended. The socket blocks again.
pub(crate) fn end_connect(socket: &OwnedFd) -> io::Result<()> {
    sockopt::socket_error(socket)??;
    Ok(rustix::io::ioctl_fionbio(socket, false)?)
}

//! Owns a socket that sends datagrams to one address and never waits.
//! Refuses to know what is sent, and to send anything again.

use std::io;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::io::Errno;

use super::standard::above_standard;

/// A socket, and the address that it sends to.
#[derive(Debug)]
pub(crate) struct Datagrams {
    socket: UnixDatagram,
    to: SocketAddr,
}

/// What became of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The receiver has it, or will find it.
    Taken,
    /// The receiver does not read, and its queue has no room now.
    Full,
    /// The system refuses it, for example because nothing receives at the address.
    Refused(Errno),
}

impl Datagrams {
    /// Opens a socket that sends to `address`: the path of a socket, or `@` and a name that is in
    /// no file system (Linux).
    ///
    /// # Errors
    /// The address is neither, or too long; or the system refuses the socket.
    pub(crate) fn open(address: &[u8]) -> io::Result<Datagrams> {
        let to = socket_address(address)?;
        // Standard library: close-on-exec, so that no child has it.
        let socket = above_standard(UnixDatagram::unbound()?);
        socket.set_nonblocking(true)?;
        Ok(Datagrams { socket, to })
    }

    /// Sends one datagram, without waiting and without allocating.
    pub(crate) fn send(&self, text: &[u8]) -> Sent {
        loop {
            // The address goes with each datagram. A socket that is connected would lose a manager
            // that makes its socket anew.
            let Err(error) = self.socket.send_to_addr(text, &self.to) else { return Sent::Taken };
            match Errno::from_io_error(&error).unwrap_or(Errno::IO) {
                Errno::INTR => {}
                Errno::AGAIN | Errno::NOBUFS => return Sent::Full,
                other => return Sent::Refused(other),
            }
        }
    }
}

fn socket_address(address: &[u8]) -> io::Result<SocketAddr> {
    use std::os::unix::ffi::OsStrExt;
    match address.split_first() {
        Some((b'/', _)) => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(address)),
        #[cfg(target_os = "linux")]
        Some((b'@', name)) => SocketAddr::from_abstract_name(name),
        _ => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "neither the path of a socket, from the root, nor `@` and a name",
        )),
    }
}

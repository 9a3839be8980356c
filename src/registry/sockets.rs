//! Owns the sockets that a service manager has opened and passed: their names, and that they are
//! taken once.
//! Refuses to know what a socket is for, and to change the environment.

use std::collections::VecDeque;
use std::collections::vec_deque::IntoIter;
use std::env;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::sys::passed::take_passed;

/// The sockets that a service manager has passed to this process, by name; from [`sockets`].
///
/// Several sockets may have one name. An iteration gives all that are left, in the order in which
/// they were passed.
#[derive(Debug, Default)]
pub struct Sockets(VecDeque<(String, OwnedFd)>);

impl Sockets {
    /// Takes the first socket of this name out of the list.
    ///
    /// ```
    /// use std::net::TcpListener;
    ///
    /// let mut sockets = homebound::registry::sockets()?;
    /// let listener = match sockets.take("http") {
    ///     Some(socket) => TcpListener::from(socket), // from the unit `http.socket`
    ///     None => TcpListener::bind("127.0.0.1:0")?, // started by hand
    /// };
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take(&mut self, name: &str) -> Option<OwnedFd> {
        let place = self.0.iter().position(|(own, _)| own == name)?;
        self.0.remove(place).map(|(_, socket)| socket)
    }

    /// Returns the names of the sockets that are left, in the order in which they were passed.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Returns how many sockets are left.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns true if no socket is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Sockets {
    type Item = (String, OwnedFd);
    type IntoIter = IntoIter<(String, OwnedFd)>;

    fn into_iter(self) -> IntoIter<(String, OwnedFd)> {
        self.0.into_iter()
    }
}

/// Takes the sockets that a service manager has opened and passed to this process
/// (sd_listen_fds(3), `.socket` units): each once, and closed in child processes. There are none if
/// the process was started in another way, or if the sockets were meant for another process
/// (`LISTEN_PID`).
///
/// A socket without a name is called `unknown`, as systemd does; the name of a socket is
/// `FileDescriptorName=` of its unit. A kind that std has no type for stays a descriptor.
///
/// ```
/// for (name, socket) in homebound::registry::sockets()? {
///     println!("{name}: {socket:?}");
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// - `InvalidData`: `LISTEN_FDS` is not a number of sockets.
/// - `AlreadyExists`: they were taken before.
/// - The error of the system, with the number of the descriptor, if one of them is not open; then
///   none is taken.
pub fn sockets() -> io::Result<Sockets> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    let Some(count) = passed_to_us()? else { return Ok(Sockets::default()) };
    // Set before the descriptors are taken, because two owners of one of them would each close it.
    // Pairs with the `store` below.
    if TAKEN.swap(true, Ordering::AcqRel) {
        let why = "the sockets of the service manager were taken before: call `registry::sockets` once, and pass on what it returns";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
    }
    let names = env::var_os("LISTEN_FDNAMES").unwrap_or_default();
    let names = names.to_string_lossy();
    let mut names = names.split(':').map(|name| if name.is_empty() { "unknown" } else { name }.to_owned());
    // After an error none was taken, so that the program may call again.
    let descriptors = take_passed(count).inspect_err(|_| TAKEN.store(false, Ordering::Release))?;
    let named = descriptors.into_iter().map(|fd| (names.next().unwrap_or_else(|| "unknown".to_owned()), fd));
    Ok(Sockets(named.collect()))
}

/// The number of sockets; `None` if none was passed to this process.
fn passed_to_us() -> io::Result<Option<u16>> {
    let is_ours = env::var("LISTEN_PID").is_ok_and(|pid| pid.parse() == Ok(std::process::id()));
    let Some(count) = env::var_os("LISTEN_FDS").filter(|_| is_ours) else { return Ok(None) };
    let number = count.to_str().and_then(|count| count.parse().ok());
    let number: u16 = number.ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, format!("LISTEN_FDS={count:?} is no number of sockets"))
    })?;
    Ok(Some(number).filter(|number| *number > 0))
}

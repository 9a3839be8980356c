//! Owns the OS's knowledge of this process's children, and the orders to them.
//! Refuses to decide which child deserves an order.

use std::fmt;

/// True if this system lists processes in a known way.
pub const SUPPORTED: bool = cfg!(target_os = "linux");

/// The OS gives a process number to another process in time. Number and start time together are
/// unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id {
    pub pid: i32,
    pub started: u64,
}

#[derive(Debug, Clone)]
pub struct Child {
    pub id: Id,
    pub name: String,
    /// Processor time used so far, in ticks of the kernel's clock.
    pub cpu: u64,
    /// The child has ended, and no thread has waited for it yet.
    pub ended: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Terminate,
    Kill,
}

impl fmt::Display for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stray child process {} ({})", self.id.pid, self.name.escape_debug())
    }
}

#[cfg(target_os = "linux")]
pub use linux::{all, bury, order};

#[cfg(target_os = "linux")]
mod linux {
    use std::{fs, io, process};

    use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

    use super::{Child, Id, Order};

    pub fn all() -> io::Result<Vec<Child>> {
        let mut children = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let pid = name.to_str().and_then(|name| name.parse().ok());
            children.extend(pid.and_then(child));
        }
        Ok(children)
    }

    /// Sends the order through a handle of the process. The handle is taken first, and then checked
    /// to be the right process.
    pub fn order(id: Id, order: Order) -> io::Result<()> {
        let gone = || io::Error::other("is gone");
        let pid = Pid::from_raw(id.pid).ok_or_else(gone)?;
        let handle = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
        if child(id.pid).is_none_or(|now| now.id != id) {
            return Err(gone());
        }
        let signal = match order {
            Order::Terminate => Signal::TERM,
            Order::Kill => Signal::KILL,
        };
        Ok(rustix::process::pidfd_send_signal(handle, signal)?)
    }

    /// Waits for a child that has ended. Returns false if there was none.
    pub fn bury(id: Id) -> bool {
        let pid = Pid::from_raw(id.pid);
        pid.is_some_and(|pid| matches!(rustix::process::waitpid(Some(pid), WaitOptions::NOHANG), Ok(Some(_))))
    }

    /// The process `pid`, if it is a child of this one.
    fn child(pid: i32) -> Option<Child> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        let stat = String::from_utf8_lossy(&stat);
        // The name stands in brackets, and may hold any character, brackets too.
        let (head, tail) = stat.rsplit_once(')')?;
        let (_, name) = head.split_once('(')?;
        let fields: Vec<&str> = tail.split_ascii_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        (number(1)? == u64::from(process::id())).then_some(Child {
            id: Id { pid, started: number(19)? },
            name: name.to_owned(),
            cpu: number(11)? + number(12)?,
            ended: matches!(fields[0], "Z" | "X"),
        })
    }
}

#[cfg(not(target_os = "linux"))]
pub use elsewhere::{all, bury, order};

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::io;

    use super::{Child, Id, Order};

    pub fn all() -> io::Result<Vec<Child>> {
        Ok(Vec::new())
    }

    pub fn order(_: Id, _: Order) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn bury(_: Id) -> bool {
        false
    }
}

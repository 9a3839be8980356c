//! SM, DR, QU: what is around a program. A service manager, notices before a stop, the process
//! itself. Real signals and sockets, in re-executed children.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

mod no_room;
mod notice;
mod platform;
mod probe_file;
mod quiescence;
mod reload;
mod service_manager;
mod sockets;
mod watchdog;

use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::common::*;

/// A service manager that this test plays: a socket, and what came over it.
struct Manager {
    socket: UnixDatagram,
    address: String,
    /// A folder of its own, if the address is a path.
    folder: Option<PathBuf>,
}

impl Manager {
    fn at_path() -> Manager {
        let folder = own_folder();
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        Manager::of(socket, path.to_str().expect("text").to_owned(), Some(folder))
    }

    fn without_path() -> Manager {
        let name = own_name(&test_name());
        let address = SocketAddr::from_abstract_name(&name).expect("an address");
        let socket = UnixDatagram::bind_addr(&address).expect("a socket");
        Manager::of(socket, format!("@{name}"), None)
    }

    /// In a child: the manager that the test plays, whose socket is the child's standard input.
    fn of_child() -> Manager {
        let socket = std::io::stdin().as_fd().try_clone_to_owned().expect("a socket");
        let address = std::env::var("NOTIFY_SOCKET").expect("an address");
        Manager::of(UnixDatagram::from(socket), address, None)
    }

    fn of(socket: UnixDatagram, address: String, folder: Option<PathBuf>) -> Manager {
        socket.set_read_timeout(Some(LIMIT)).expect("a limit");
        Manager { socket, address, folder }
    }

    /// The next message.
    #[track_caller]
    fn next(&self) -> String {
        let mut bytes = [0; 4096];
        let count = self.socket.recv(&mut bytes).expect("a message");
        String::from_utf8(bytes[..count].to_vec()).expect("text")
    }

    /// Messages until one that begins with `text`, that one included.
    #[track_caller]
    fn until(&self, text: &str) -> Vec<String> {
        let mut seen = vec![self.next()];
        while !seen.last().is_some_and(|last| last.starts_with(text)) {
            seen.push(self.next());
        }
        seen
    }

    /// Sends to the manager until it has no room for another message.
    fn fill(&self) {
        // A socket may only have so many messages on their way. A new one has none.
        let another = || {
            let socket = UnixDatagram::unbound().expect("a socket");
            socket.set_nonblocking(true).expect("a flag");
            (0..).take_while(|_| socket.send_to(b"of another", &self.address).is_ok()).count()
        };
        while another() > 0 {}
    }

    /// The messages that have come and were not looked at.
    fn rest(&self) -> Vec<String> {
        self.socket.set_nonblocking(true).expect("a flag");
        let mut bytes = [0; 4096];
        let mut seen = Vec::new();
        while let Ok(count) = self.socket.recv(&mut bytes) {
            seen.push(String::from_utf8(bytes[..count].to_vec()).expect("text"));
        }
        self.socket.set_nonblocking(false).expect("a flag");
        seen
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        self.folder.iter().for_each(|folder| std::fs::remove_dir_all(folder).expect("removed"));
    }
}

/// An empty folder for the calling test. Its name is a number, because the path of a socket may
/// have 107 bytes at most.
fn own_folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = own_path(&number.to_string());
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// A child of a manager. In the test `set` may add to its command.
fn managed(
    make: fn() -> Manager,
    arg: &str,
    scenario: fn(&str) -> i32,
    set: impl FnOnce(&mut Command),
) -> (Manager, Child) {
    let mut manager = None;
    let child = child_with(arg, scenario, |command| {
        let made = make();
        command.env("NOTIFY_SOCKET", &made.address);
        command.stdin(OwnedFd::from(made.socket.try_clone().expect("a descriptor")));
        set(command);
        manager = Some(made);
    });
    (manager.expect("a manager was made"), child)
}

/// How often *watch* has gone to sleep so far.
fn sleeps_of_watch() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("a list of threads");
    let status = tasks.map(|task| std::fs::read_to_string(task.expect("a thread").path().join("status")));
    let mut all = status.map(|status| status.expect("a thread that stays"));
    let of_watch = all.find(|status| status.starts_with("Name:\thomebound-watc")).expect("watch");
    let line = of_watch.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.expect("a count").trim().parse().expect("a number")
}

//! Waits in system calls: streams, listeners, connections, any descriptor. With real sockets and
//! pipes.
#![cfg(unix)]
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

mod descriptors;
mod ends;
mod opening;
mod sockets;
mod terminals;
mod thousands;

use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::Duration;

use crate::common::*;
use homebound::{Result, Scope, Stopped, ThreadState};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const SOON: Duration = Duration::from_millis(20);

/// Returns when all threads of the scope wait, as they themselves say.
fn until_all_wait(s: &Scope<'_, '_>, what: &str, count: usize) {
    let waits = |state: &ThreadState| matches!(state, ThreadState::Waiting { what: now, .. } if *now == what);
    eventually("all wait", || s.active_threads().iter().filter(|t| waits(&t.state)).count() == count);
}

fn is_stop(error: &std::io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Stopped>())
}

/// True if a look at the descriptor finds it readable.
fn is_readable(fd: &impl AsFd) -> bool {
    let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&now)).expect("it polls") == 1
}

/// A listener that answers no more: its queue is full, so that a connection stays on its way.
fn full_listener() -> Result<(TcpListener, Vec<TcpStream>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    rustix::net::listen(&listener, 0)?;
    let mut queued = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&listener.local_addr()?, Duration::from_millis(100)) {
        queued.push(stream);
    }
    Ok((listener, queued))
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("there is /proc").count()
}

fn many_descriptors() {
    let before = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: before.maximum, maximum: before.maximum };
    setrlimit(Resource::Nofile, wanted).expect("allowed");
}

fn socket_path(name: &str) -> std::path::PathBuf {
    crate::common::own_path(name)
}

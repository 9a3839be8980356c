//! Owns the tables of calls that wait and do not hear a stop: by path, by type, or by a name that
//! says enough alone.
//! Refuses to decide whether a wait counts: `rules::deaf` does.

use crate::check::resolve::types::{
    self, CHILD, COMMAND, CONDVAR, JOIN_HANDLE, LINES, LISTENER, RECEIVER, SCOPED_HANDLE, SENDER,
};

/// The condition under which a call of the tables is a deaf wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum If {
    /// The call waits without a condition.
    Always,
    /// The descriptor was not set to return at once.
    Blocking,
    /// The call waits for several things, and the stop is not among them.
    Alone,
    /// The channel has a bound, so that a `send` can wait for room. The type of a sender does not
    /// say it.
    Bounded,
}

/// When a call is a deaf wait, and the call that would hear the stop.
pub(crate) type Wait = (If, &'static str);

const RECV: &str = "cx.recv(&receiver)";
const SLEEP: &str = "cx.sleep(..)?";
const STOP: &str = "cx.wait_for_stop()";
const IO: &str = "cx.io(stream)";
const LOOP: &str = "a loop with `cx.stop_fd()` in it";
const PROCESS: &str = "scope.process(..)";
const BLOCK: &str = "a runtime that one stops in `cx.with_on_stop(..)`";
const TOKIO: &str = "homebound_tokio::block_on_tokio(cx, ..)";
const CONDITION: &str = "cx.wait_while(..)";

pub(crate) const POLL_OF_EVENTS: &str = "crossterm::event::poll";
/// Does not wait if a poll has found an event.
pub(crate) const READ_OF_EVENT: &str = "crossterm::event::read";

/// Functions, by path.
const FUNCTIONS: &[(&str, If, &str)] = &[
    ("std::thread::sleep", If::Always, SLEEP),
    ("std::thread::sleep_ms", If::Always, SLEEP),
    ("std::thread::sleep_until", If::Always, "cx.sleep_until(..)?"),
    ("std::thread::park", If::Always, STOP),
    ("std::thread::park_timeout", If::Always, SLEEP),
    ("std::thread::park_timeout_ms", If::Always, SLEEP),
    ("std::net::TcpStream::connect", If::Always, "cx.connect(address, timeout)"),
    ("std::net::TcpStream::connect_timeout", If::Always, "cx.connect(address, timeout)"),
    ("std::os::unix::net::UnixStream::connect", If::Always, "cx.connect(address, timeout)"),
    ("libc::sleep", If::Always, SLEEP),
    ("libc::usleep", If::Always, SLEEP),
    ("libc::nanosleep", If::Always, SLEEP),
    ("libc::clock_nanosleep", If::Always, SLEEP),
    ("libc::pause", If::Always, STOP),
    ("libc::sigwait", If::Always, "Signals::forward(..)"),
    ("libc::sigwaitinfo", If::Always, "Signals::forward(..)"),
    ("libc::wait", If::Always, PROCESS),
    ("libc::waitpid", If::Always, PROCESS),
    ("libc::poll", If::Alone, LOOP),
    ("libc::ppoll", If::Alone, LOOP),
    ("libc::select", If::Alone, LOOP),
    ("libc::pselect", If::Alone, LOOP),
    ("libc::epoll_wait", If::Alone, LOOP),
    ("libc::epoll_pwait", If::Alone, LOOP),
    ("libc::kevent", If::Alone, LOOP),
    ("libc::accept", If::Blocking, "cx.accept(&listener)"),
    ("libc::accept4", If::Blocking, "cx.accept(&listener)"),
    ("libc::connect", If::Blocking, "cx.connect(address, timeout)"),
    ("libc::recv", If::Blocking, IO),
    ("libc::recvfrom", If::Blocking, IO),
    ("libc::recvmsg", If::Blocking, IO),
    ("nix::poll::poll", If::Alone, LOOP),
    ("nix::sys::epoll::epoll_wait", If::Alone, LOOP),
    ("nix::sys::wait::wait", If::Always, PROCESS),
    ("nix::sys::wait::waitpid", If::Always, PROCESS),
    ("nix::unistd::sleep", If::Always, SLEEP),
    ("nix::unistd::pause", If::Always, STOP),
    ("rustix::event::poll", If::Alone, LOOP),
    ("rustix::event::epoll::wait", If::Alone, LOOP),
    ("rustix::thread::nanosleep", If::Always, SLEEP),
    (READ_OF_EVENT, If::Alone, "cx.wait_readable(&stdin, ..)"),
    (POLL_OF_EVENTS, If::Alone, "cx.wait_readable(&stdin, ..)"),
    ("reqwest::blocking::get", If::Always, "a thread of its own that gives the answer to `cx.recv`"),
    ("futures::executor::block_on", If::Always, BLOCK),
    ("futures_executor::block_on", If::Always, BLOCK),
    ("futures_lite::future::block_on", If::Always, BLOCK),
    ("pollster::block_on", If::Always, BLOCK),
    ("async_std::task::block_on", If::Always, BLOCK),
    ("async_io::block_on", If::Always, BLOCK),
    ("smol::block_on", If::Always, BLOCK),
];

/// Methods, by the type of the receiver and the number of arguments. The number tells a method from
/// another one of the same name: `wait(guard)` and `wait()`.
const METHODS: &[(&str, &str, usize, If, &str)] = &[
    (RECEIVER, "recv", 0, If::Always, RECV),
    (RECEIVER, "recv_timeout", 1, If::Always, "cx.recv_timeout(&receiver, ..)"),
    (RECEIVER, "recv_deadline", 1, If::Always, "cx.recv_timeout(&receiver, ..)"),
    (RECEIVER, "iter", 0, If::Always, "cx.iter(&receiver)"),
    (RECEIVER, "into_iter", 0, If::Always, "cx.iter(&receiver)"),
    (SENDER, "send", 1, If::Always, "cx.send(&sender, ..)"),
    (SENDER, "send_timeout", 2, If::Always, "cx.send(&sender, ..)"),
    ("crossbeam_channel::Sender", "send", 1, If::Bounded, "cx.send(&sender, ..)"),
    (LISTENER, "accept", 0, If::Blocking, "cx.accept(&listener)"),
    (LISTENER, "incoming", 0, If::Blocking, "cx.accept(&listener)"),
    (JOIN_HANDLE, "join", 0, If::Always, "scope.spawn(..)?.join()"),
    (SCOPED_HANDLE, "join", 0, If::Always, "scope.spawn(..)?.join()"),
    ("crossbeam_utils::thread::ScopedJoinHandle", "join", 0, If::Always, "scope.spawn(..)?.join()"),
    (CONDVAR, "wait", 1, If::Always, CONDITION),
    (CONDVAR, "wait_while", 2, If::Always, CONDITION),
    (CONDVAR, "wait_for", 2, If::Always, CONDITION),
    (CONDVAR, "wait_until", 2, If::Always, CONDITION),
    (CHILD, "wait", 0, If::Always, PROCESS),
    (COMMAND, "status", 0, If::Always, PROCESS),
    (COMMAND, "output", 0, If::Always, PROCESS),
    ("std::sync::Barrier", "wait", 0, If::Always, RECV),
    ("crossbeam_utils::sync::WaitGroup", "wait", 0, If::Always, RECV),
    ("std::net::UdpSocket", "recv", 1, If::Blocking, "cx.wait_readable(&socket, ..)"),
    ("std::net::UdpSocket", "recv_from", 1, If::Blocking, "cx.wait_readable(&socket, ..)"),
    ("std::net::UdpSocket", "peek_from", 1, If::Blocking, "cx.wait_readable(&socket, ..)"),
    ("mio::Poll", "poll", 2, If::Alone, LOOP),
    ("polling::Poller", "wait", 2, If::Alone, LOOP),
    ("calloop::EventLoop", "dispatch", 2, If::Alone, LOOP),
    ("calloop::EventLoop", "run", 3, If::Alone, LOOP),
    ("signal_hook::iterator::Signals", "wait", 0, If::Always, "Signals::forward(..)"),
    ("signal_hook::iterator::Signals", "forever", 0, If::Always, "Signals::forward(..)"),
    ("crossbeam_channel::Select", "select", 0, If::Alone, "a `cx.stop_signal()` among them"),
    ("crossbeam_channel::Select", "select_timeout", 1, If::Alone, "a `cx.stop_signal()` among them"),
    ("crossbeam_channel::Select", "ready", 0, If::Alone, "a `cx.stop_signal()` among them"),
    ("tokio::runtime::Runtime", "block_on", 1, If::Always, TOKIO),
    ("tokio::runtime::Handle", "block_on", 1, If::Always, TOKIO),
];

/// Methods of streams.
const OF_STREAMS: &[(&str, usize)] = &[
    ("read", 1),
    ("read_exact", 1),
    ("read_to_end", 1),
    ("read_to_string", 1),
    ("read_line", 1),
    ("read_until", 2),
    ("read_vectored", 1),
    ("fill_buf", 0),
    ("peek", 1),
    ("write", 1),
    ("write_all", 1),
    ("write_vectored", 1),
];

/// Methods that take lines from a stream, one or all.
const OF_LINES: &[(&str, usize)] = &[
    ("next", 0),
    ("nth", 1),
    ("last", 0),
    ("count", 0),
    ("collect", 0),
    ("for_each", 1),
    ("try_for_each", 1),
    ("find", 1),
    ("find_map", 1),
    ("any", 1),
    ("all", 1),
    ("fold", 2),
];

/// Names of methods that say enough whatever the receiver is: hardly any method of these names and
/// numbers of arguments does not wait.
const BY_NAME: &[(&str, usize, If, &str)] = &[
    ("recv", 0, If::Always, RECV),
    ("recv_timeout", 1, If::Always, "cx.recv_timeout(&receiver, ..)"),
    ("recv_deadline", 1, If::Always, "cx.recv_timeout(&receiver, ..)"),
    ("blocking_recv", 0, If::Always, RECV),
    ("recv_blocking", 0, If::Always, RECV),
    ("blocking_send", 1, If::Always, "cx.send(&sender, ..)"),
    ("send_blocking", 1, If::Always, "cx.send(&sender, ..)"),
    ("accept", 0, If::Blocking, "cx.accept(&listener)"),
    ("incoming", 0, If::Blocking, "cx.accept(&listener)"),
    ("recv_from", 1, If::Blocking, "cx.wait_readable(&socket, ..)"),
    ("wait_timeout", 2, If::Always, CONDITION),
    ("wait_timeout_ms", 2, If::Always, CONDITION),
    ("wait_timeout_while", 3, If::Always, CONDITION),
    ("wait_while_for", 3, If::Always, CONDITION),
    ("wait_while_until", 3, If::Always, CONDITION),
    ("wait_with_output", 0, If::Always, PROCESS),
    ("wait_timeout", 1, If::Always, PROCESS),
    ("read_line", 1, If::Blocking, IO),
    ("read_until", 2, If::Blocking, IO),
    ("read_events_blocking", 1, If::Alone, "cx.wait_readable(&inotify, ..)"),
    ("block_on", 1, If::Always, BLOCK),
];

const STREAM_NAMES: &[&str] = &["stream", "socket", "sock", "conn"];

/// Names of methods that say enough together with the receiver's name: `child.wait()`.
const BY_PLACE: &[(&str, usize, &[&str], &str)] = &[
    ("wait", 0, &["child", "process", "barrier"], PROCESS),
    ("status", 0, &["command", "cmd"], PROCESS),
    ("output", 0, &["command", "cmd"], PROCESS),
    ("wait", 1, &["cond", "cvar", "cv"], CONDITION),
    ("wait_while", 2, &["cond", "cvar", "cv"], CONDITION),
    ("wait_for", 2, &["cond", "cvar", "cv"], CONDITION),
    ("wait_until", 2, &["cond", "cvar", "cv"], CONDITION),
    ("poll", 2, &["poll"], LOOP),
    ("read", 1, STREAM_NAMES, IO),
    ("read_exact", 1, STREAM_NAMES, IO),
    ("read_to_end", 1, STREAM_NAMES, IO),
    ("read_to_string", 1, STREAM_NAMES, IO),
    ("write_all", 1, STREAM_NAMES, IO),
    ("iter", 0, &["rx", "receiver"], "cx.iter(&receiver)"),
];

/// Where the sockets of a crate are that never wait: each call returns at once.
const AT_ONCE: &[&str] = &["mio::"];

/// Types that mean the same from whatever module a file imports them: `crate::Receiver` is the
/// channel that a feature of the crate chooses.
const PASSED_ON: &[(&str, &str)] = &[
    ("Receiver", RECEIVER),
    ("SyncSender", SENDER),
    ("Condvar", CONDVAR),
    ("TcpListener", LISTENER),
    ("UnixListener", LISTENER),
    ("TcpStream", "std::net::TcpStream"),
    ("UnixStream", "std::os::unix::net::UnixStream"),
    ("UdpSocket", "std::net::UdpSocket"),
];

/// The type whose waits count for `path`: `path` itself, or the type that another module of the
/// crate passes on under this name.
pub(crate) fn waits_as(path: &str) -> &str {
    // A type of another crate keeps its own meaning: `pool::Receiver` may be anything.
    let own = ["crate::", "super::", "self::"].iter().any(|root| path.starts_with(root));
    let last = path.rsplit("::").next().filter(|_| own);
    last.and_then(|last| PASSED_ON.iter().find(|(name, _)| *name == last)).map_or(path, |(_, known)| known)
}

/// The wait of a call of this path.
pub(crate) fn function(path: &str) -> Option<Wait> {
    FUNCTIONS.iter().find(|(known, ..)| *known == path).map(|(_, when, instead)| (*when, *instead))
}

/// The paths of functions that wait.
pub(crate) fn paths() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|(path, ..)| *path)
}

/// The wait of a method, where the receiver's type is known.
pub(crate) fn method(of: &str, name: &str, arguments: usize) -> Option<Wait> {
    if let Some((.., when, instead)) =
        METHODS.iter().find(|(ty, method, n, ..)| (*ty, *method, *n) == (of, name, arguments))
    {
        return Some((*when, instead));
    }
    let is_among = |list: &[(&str, usize)]| list.contains(&(name, arguments));
    // These two lists hold for many types, and so are no rows of `METHODS`.
    let waits = (types::is_stream(of) && is_among(OF_STREAMS)) || (of == LINES && is_among(OF_LINES));
    waits.then_some((If::Blocking, IO))
}

/// True if each method of a type returns at once, whatever its name is, except the methods that are
/// in the tables.
pub(crate) fn returns_at_once(of: &str) -> bool {
    AT_ONCE.iter().any(|root| of.starts_with(root))
}

/// The wait of a method whose receiver has no known type. `place` is the name of the receiver, if
/// it has one.
pub(crate) fn unknown(name: &str, arguments: usize, place: Option<&str>) -> Option<Wait> {
    let found = BY_NAME.iter().find(|(method, n, ..)| (*method, *n) == (name, arguments));
    found.map(|(.., when, instead)| (*when, *instead)).or_else(|| by_place(name, arguments, place?))
}

/// The wait of a method, by its name and the name of its receiver.
pub(crate) fn by_place(name: &str, arguments: usize, place: &str) -> Option<Wait> {
    let place = place.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| place.contains(word));
    let found =
        BY_PLACE.iter().find(|(method, n, words, _)| (*method, *n) == (name, arguments) && says(words));
    found.map(|(.., instead)| match *instead {
        // The table has no column for it: a poll waits for several things, and a stream may be set
        // to return at once.
        LOOP => (If::Alone, LOOP),
        IO => (If::Blocking, IO),
        instead => (If::Always, instead),
    })
}

/// Whether receivers usually have such a name.
pub(crate) fn names_receiver(name: &str) -> bool {
    let name = name.to_lowercase();
    ["rx", "receiver"].contains(&&*name) || name.ends_with("_rx") || name.ends_with("_receiver")
}

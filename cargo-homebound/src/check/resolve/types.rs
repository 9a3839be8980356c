//! Owns guesses about values: of which type a value is, as far as a rule asks.
//! Refuses to be a type checker: a type that is not known is `Unknown`, and no rule may treat that
//! as a type.

use std::rc::Rc;

use crate::check::resolve::flow::Node;

/// A guess of the type of a value.
#[derive(Debug, Clone, Default)]
pub(crate) enum Ty {
    #[default]
    Unknown,
    /// A type of another crate, by its path. A `Result`, a lock or a box counts as the type inside.
    Path(Rc<str>),
    /// A struct of this file, by its number.
    Struct(usize),
    /// A list, a map or an iterator of these.
    Many(Rc<Ty>),
    Tuple(Rc<[Ty]>),
    /// A function of another crate that is used as a value, by its path.
    Func(Rc<str>),
    /// A closure: its number in `Walk::closures`, and the node of its result.
    Closure(usize, Node),
    /// The value that a flag had. A variable of this type may end a loop, as the flag itself may.
    Flag,
}

impl Ty {
    pub(crate) fn named(path: &str) -> Ty {
        Ty::Path(path.into())
    }

    /// A type of this crate that is declared in another file, or that is an enum or a trait.
    pub(crate) fn own() -> Ty {
        Ty::named("crate::_")
    }

    pub(crate) fn path(&self) -> Option<&str> {
        match self {
            Ty::Path(path) => Some(path),
            _ => None,
        }
    }

    pub(crate) fn is(&self, path: &str) -> bool {
        self.path() == Some(path)
    }

    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self, Ty::Unknown)
    }

    /// The type of one element, for a loop over the value.
    pub(crate) fn element(&self) -> Ty {
        match self {
            Ty::Many(inner) => (**inner).clone(),
            _ => Ty::Unknown,
        }
    }
}

pub(crate) const JOIN_HANDLE: &str = "std::thread::JoinHandle";
pub(crate) const SCOPED_HANDLE: &str = "std::thread::ScopedJoinHandle";
pub(crate) const TOKIO_HANDLE: &str = "tokio::task::JoinHandle";
pub(crate) const ASYNC_STD_HANDLE: &str = "async_std::task::JoinHandle";
pub(crate) const BUILDER: &str = "std::thread::Builder";
pub(crate) const SCOPE: &str = "std::thread::Scope";
pub(crate) const CROSSBEAM_SCOPE: &str = "crossbeam_utils::thread::Scope";
pub(crate) const RAYON_SCOPE: &str = "rayon::Scope";
pub(crate) const RECEIVER: &str = "std::sync::mpsc::Receiver";
pub(crate) const SENDER: &str = "std::sync::mpsc::SyncSender";
pub(crate) const CHILD: &str = "std::process::Child";
pub(crate) const COMMAND: &str = "std::process::Command";
/// A reader, and not known of what.
pub(crate) const READER: &str = "std::io::BufReader";
/// The lines of a stream: each may be waited for.
pub(crate) const LINES: &str = "std::io::Lines";
pub(crate) const CONDVAR: &str = "std::sync::Condvar";
pub(crate) const LISTENER: &str = "std::net::TcpListener";
pub(crate) const CURRENT_THREAD: &str = "tokio::runtime::Builder(current_thread)";
pub(crate) const HB_SCOPE: &str = "homebound::Scope";
pub(crate) const HB_CONTEXT: &str = "homebound::Context";
pub(crate) const HB_BUILDER: &str = "homebound::ThreadBuilder";
pub(crate) const HB_PROCESS: &str = "homebound::ProcessBuilder";
pub(crate) const HB_IO: &str = "homebound::Io";
pub(crate) const HB_STOP_SIGNAL: &str = "homebound::Context(stop_signal)";
pub(crate) const HB_HANDLE: &str = "homebound::Handle";
pub(crate) const HB_REGISTRY: &str = "homebound::Registry";

/// Paths of the same type, or of a type that behaves the same for the rules, and the path by which
/// the tables know it.
const SAME: &[(&str, &str)] = &[
    ("crossbeam::thread::Scope", CROSSBEAM_SCOPE),
    ("crossbeam::thread::ScopedThreadBuilder", "crossbeam_utils::thread::ScopedThreadBuilder"),
    ("rayon_core::Scope", RAYON_SCOPE),
    ("rayon_core::ThreadPool", "rayon::ThreadPool"),
    ("rayon_core::ThreadPoolBuilder", "rayon::ThreadPoolBuilder"),
    ("tokio::runtime::task::JoinHandle", TOKIO_HANDLE),
    ("crossbeam_channel::Receiver", RECEIVER),
    ("crossbeam::channel::Receiver", RECEIVER),
    ("flume::Receiver", RECEIVER),
    ("std::sync::mpmc::Receiver", RECEIVER),
    ("crossbeam::channel::Sender", "crossbeam_channel::Sender"),
    ("flume::Sender", "crossbeam_channel::Sender"),
    ("crossbeam::channel::Select", "crossbeam_channel::Select"),
    ("crossbeam::sync::WaitGroup", "crossbeam_utils::sync::WaitGroup"),
    ("std::io::StdinLock", "std::io::Stdin"),
    ("std::os::unix::net::UnixDatagram", "std::net::UdpSocket"),
    ("parking_lot::Condvar", CONDVAR),
    ("std::os::unix::net::UnixListener", LISTENER),
    ("mio::net::TcpListener", "mio::net::TcpListener"),
    ("homebound::Group", HB_SCOPE),
    ("homebound::Adopted", HB_CONTEXT),
];

/// The path by which the tables know a type.
pub(crate) fn known(path: &str) -> &str {
    SAME.iter().find(|(other, _)| *other == path).map_or(path, |(_, name)| name)
}

/// The type that a function or a method returns, without the `Result` around it. `A|B` is a pair;
/// an empty side is not known.
const RETURNS: &[(&str, &str)] = &[
    ("std::thread::spawn", JOIN_HANDLE),
    ("std::thread::Builder::spawn", JOIN_HANDLE),
    ("std::thread::Builder::spawn_unchecked", JOIN_HANDLE),
    ("std::thread::Builder::spawn_scoped", SCOPED_HANDLE),
    ("std::thread::Scope::spawn", SCOPED_HANDLE),
    ("crossbeam_utils::thread::Scope::spawn", "crossbeam_utils::thread::ScopedJoinHandle"),
    ("crossbeam_utils::thread::Scope::builder", "crossbeam_utils::thread::ScopedThreadBuilder"),
    ("crossbeam_utils::thread::ScopedThreadBuilder::spawn", "crossbeam_utils::thread::ScopedJoinHandle"),
    ("tokio::spawn", TOKIO_HANDLE),
    ("tokio::task::spawn", TOKIO_HANDLE),
    ("tokio::task::spawn_blocking", TOKIO_HANDLE),
    ("tokio::task::Builder::spawn", TOKIO_HANDLE),
    ("tokio::task::Builder::spawn_blocking", TOKIO_HANDLE),
    ("tokio::runtime::Runtime::spawn", TOKIO_HANDLE),
    ("tokio::runtime::Runtime::spawn_blocking", TOKIO_HANDLE),
    ("tokio::runtime::Runtime::handle", "tokio::runtime::Handle"),
    ("tokio::runtime::Handle::spawn", TOKIO_HANDLE),
    ("tokio::runtime::Handle::spawn_blocking", TOKIO_HANDLE),
    ("tokio::runtime::Builder::build", "tokio::runtime::Runtime"),
    ("tokio::runtime::Builder::new_current_thread", CURRENT_THREAD),
    ("async_std::task::spawn", ASYNC_STD_HANDLE),
    ("async_std::task::spawn_blocking", ASYNC_STD_HANDLE),
    ("async_std::task::Builder::spawn", ASYNC_STD_HANDLE),
    ("rayon::ThreadPoolBuilder::build", "rayon::ThreadPool"),
    ("std::sync::mpsc::channel", "|std::sync::mpsc::Receiver"),
    ("std::sync::mpsc::sync_channel", "std::sync::mpsc::SyncSender|std::sync::mpsc::Receiver"),
    ("crossbeam_channel::unbounded", "|std::sync::mpsc::Receiver"),
    ("crossbeam_channel::bounded", "std::sync::mpsc::SyncSender|std::sync::mpsc::Receiver"),
    ("crossbeam::channel::unbounded", "|std::sync::mpsc::Receiver"),
    ("crossbeam::channel::bounded", "std::sync::mpsc::SyncSender|std::sync::mpsc::Receiver"),
    ("flume::unbounded", "|std::sync::mpsc::Receiver"),
    ("flume::bounded", "std::sync::mpsc::SyncSender|std::sync::mpsc::Receiver"),
    ("crossbeam_channel::after", RECEIVER),
    ("crossbeam_channel::tick", RECEIVER),
    ("crossbeam_channel::never", RECEIVER),
    ("std::io::stdin", "std::io::Stdin"),
    ("std::io::pipe", "std::io::PipeReader|std::io::PipeWriter"),
    ("std::net::TcpListener::accept", "std::net::TcpStream|"),
    ("std::process::Command::spawn", CHILD),
    ("homebound::Context::io", HB_IO),
    ("homebound::Context::stop_signal", HB_STOP_SIGNAL),
    ("homebound::current", HB_CONTEXT),
    ("homebound::group", HB_SCOPE),
    ("homebound::Scope::spawn", HB_HANDLE),
    ("homebound::Scope::service", HB_HANDLE),
    ("homebound::Scope::thread", HB_BUILDER),
    ("homebound::Scope::process", HB_PROCESS),
    ("homebound::Scope::group", HB_SCOPE),
    ("homebound::Scope::context", HB_CONTEXT),
    ("homebound::Context::spawn", HB_HANDLE),
    ("homebound::Context::service", HB_HANDLE),
    ("homebound::Context::thread", HB_BUILDER),
    ("homebound::Context::process", HB_PROCESS),
    ("homebound::Context::group", HB_SCOPE),
    ("homebound::Context::adopt", HB_CONTEXT),
    ("homebound::Context::adopt_guest", HB_CONTEXT),
    ("homebound::ThreadBuilder::spawn", HB_HANDLE),
    ("homebound::ThreadBuilder::service", HB_HANDLE),
    ("homebound::ProcessBuilder::spawn", "homebound::Process"),
];

/// Builders: all their methods that are in no other table return the builder.
const BUILDERS: &[&str] = &[
    BUILDER,
    CURRENT_THREAD,
    HB_BUILDER,
    HB_PROCESS,
    HB_REGISTRY,
    "rayon::ThreadPoolBuilder",
    "tokio::runtime::Builder",
    "tokio::task::Builder",
    "async_std::task::Builder",
    "threadpool::Builder",
    "futures::executor::ThreadPoolBuilder",
    "futures_executor::ThreadPoolBuilder",
    "crossbeam_utils::thread::ScopedThreadBuilder",
    COMMAND,
    HB_IO,
];

/// Types whose reads and writes wait for the other end.
const STREAMS: &[&str] = &[
    "std::net::TcpStream",
    "std::os::unix::net::UnixStream",
    "std::process::ChildStdin",
    "std::process::ChildStdout",
    "std::process::ChildStderr",
    "std::io::Stdin",
    "std::io::PipeReader",
    "std::io::PipeWriter",
    "native_tls::TlsStream",
    "openssl::ssl::SslStream",
    "rustls::StreamOwned",
    READER,
];

pub(crate) fn is_stream(path: &str) -> bool {
    STREAMS.contains(&path)
}

/// Whether a type is of another crate, so that a method of the usual name means what the name says.
/// Not so: types of this crate, type parameters (one word), and types that the rules ask for by
/// path.
pub(crate) fn is_foreign(path: &str) -> bool {
    let known = ["crate::", "super::", "self::", "homebound::", "tokio::"];
    path.contains("::") && !known.iter().any(|root| path.starts_with(root))
}

/// The types of fields of std's types.
pub(crate) fn field(of: &str, name: &str) -> Ty {
    match (of, name) {
        (CHILD, "stdin") => Ty::named("std::process::ChildStdin"),
        (CHILD, "stdout") => Ty::named("std::process::ChildStdout"),
        (CHILD, "stderr") => Ty::named("std::process::ChildStderr"),
        _ => Ty::Unknown,
    }
}

/// Functions that are in no other table. A glob import brings in the names of the tables alone.
const FUNCTIONS: &[&str] = &[
    "std::thread::Builder::new",
    "std::mem::drop",
    "std::mem::forget",
    "std::mem::take",
    "std::mem::replace",
    "std::mem::ManuallyDrop::new",
    "std::process::Command",
    "libc::pthread_detach",
    "homebound::scope",
    "homebound::registry::run",
    "homebound::Registry::new",
    "homebound_rayon::RayonPool",
    "homebound_tokio::block_on_tokio",
    "homebound_tokio::reported",
    "rayon::scope",
    "rayon::scope_fifo",
    "rayon::in_place_scope",
    "tokio::runtime::Handle::current",
    "crossbeam_utils::thread::Scope",
];

/// All paths that the tables in this file know.
pub(crate) fn paths() -> impl Iterator<Item = &'static str> {
    let same = SAME.iter().flat_map(|(a, b)| [*a, *b]);
    let returns = RETURNS.iter().map(|(path, _)| *path);
    let types = RETURNS.iter().flat_map(|(_, ty)| ty.split('|')).filter(|ty| !ty.is_empty());
    let listed =
        BUILDERS.iter().chain(FUNCTIONS).chain(STREAMS).chain(&[CHILD, COMMAND, "std::sync::Barrier"]);
    same.chain(returns).chain(types).chain(listed.copied())
}

fn listed(path: &str) -> Option<Ty> {
    let (_, ty) = RETURNS.iter().find(|(known, _)| *known == path)?;
    let one = |ty: &str| if ty.is_empty() { Ty::Unknown } else { Ty::named(ty) };
    Some(match ty.split_once('|') {
        Some((first, second)) => Ty::Tuple([one(first), one(second)].into()),
        None => Ty::named(ty),
    })
}

/// The type of the result of a call of `path`.
pub(crate) fn returned(path: &str) -> Ty {
    if let Some(ty) = listed(path) {
        return ty;
    }
    // `Type::new()`, `Type::with_capacity(1)`: most functions of a type make a value of it.
    match path.rsplit_once("::") {
        // By the rules of spelling a type begins with a capital.
        Some((of, _)) if of.rsplit("::").next().is_some_and(|last| last.starts_with(char::is_uppercase)) => {
            Ty::named(known(of))
        }
        _ => Ty::Unknown,
    }
}

/// The type of the result of a method, where the receiver's type is known.
pub(crate) fn method(of: &str, name: &str) -> Ty {
    let path = format!("{of}::{name}");
    if let Some(ty) = listed(&path) {
        return ty;
    }
    // The clone of a stream waits as the stream does.
    if name == "try_clone" && is_stream(of) {
        return Ty::named(of);
    }
    if BUILDERS.contains(&of) { Ty::named(of) } else { Ty::Unknown }
}

/// The type of the first parameter of the closure that is given to `path`.
pub(crate) fn parameter(path: &str) -> Option<&'static str> {
    Some(match path {
        "std::thread::scope" => SCOPE,
        "crossbeam::scope" | "crossbeam::thread::scope" | "crossbeam_utils::thread::scope" => CROSSBEAM_SCOPE,
        "crossbeam_utils::thread::Scope::spawn" | "crossbeam_utils::thread::ScopedThreadBuilder::spawn" => {
            CROSSBEAM_SCOPE
        }
        "rayon::scope"
        | "rayon::in_place_scope"
        | "rayon::ThreadPool::scope"
        | "rayon::ThreadPool::in_place_scope" => RAYON_SCOPE,
        "rayon::Scope::spawn" => RAYON_SCOPE,
        "rayon::scope_fifo" | "rayon::ThreadPool::scope_fifo" => "rayon::ScopeFifo",
        "homebound::scope"
        | "homebound::scope_named"
        | "homebound::registry::run"
        | "homebound::run"
        | "homebound::Registry::run"
        | "homebound::Scope::subscope" => HB_SCOPE,
        "homebound::Scope::spawn"
        | "homebound::Scope::service"
        | "homebound::Context::spawn"
        | "homebound::Context::service"
        | "homebound::ThreadBuilder::spawn"
        | "homebound::ThreadBuilder::service"
        | "homebound_rayon::RayonPool::spawn"
        | "homebound::Context::shield"
        | "homebound::Context::with_deadline" => HB_CONTEXT,
        _ => return None,
    })
}

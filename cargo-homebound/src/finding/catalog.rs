//! Owns the list of paths that start threads or end the process.
//! Refuses to look at code: `check`, `deep` and `deps` compare code with the list.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What a call of a path does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Starts a thread.
    Thread,
    /// Starts a thread that a scope of std, or of another crate, joins; or opens such a scope.
    Scoped,
    /// Starts a task on threads of a runtime.
    Task,
    /// Makes a pool or a runtime, which has threads of its own.
    Pool,
    /// Ends the process.
    Exit,
}

/// One path.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The path from outside of its crate: `std::thread::spawn`, `std::thread::Builder::spawn`.
    pub path: &'static str,
    /// What a call of the path does.
    pub kind: Kind,
    /// Whether the path is a method: only clippy knows the type of every receiver.
    pub method: bool,
}

const fn thread(path: &'static str) -> Entry {
    Entry { path, kind: Kind::Thread, method: false }
}

const fn thread_method(path: &'static str) -> Entry {
    Entry { path, kind: Kind::Thread, method: true }
}

const fn scoped(path: &'static str) -> Entry {
    Entry { path, kind: Kind::Scoped, method: false }
}

const fn scoped_method(path: &'static str) -> Entry {
    Entry { path, kind: Kind::Scoped, method: true }
}

const fn task(path: &'static str) -> Entry {
    Entry { path, kind: Kind::Task, method: false }
}

const fn task_method(path: &'static str) -> Entry {
    Entry { path, kind: Kind::Task, method: true }
}

const fn pool(path: &'static str) -> Entry {
    Entry { path, kind: Kind::Pool, method: false }
}

const fn pool_method(path: &'static str) -> Entry {
    Entry { path, kind: Kind::Pool, method: true }
}

const fn exit(path: &'static str) -> Entry {
    Entry { path, kind: Kind::Exit, method: false }
}

/// The list. A path by which a crate re-exports another one's function is an entry of its own.
///
/// Left out on purpose: calls that use rayon's global pool without a `spawn` (`join`, `scope`,
/// `par_iter`), which are findings only inside a scope of homebound's (`rules::hosted`), and calls
/// that run on the calling thread (`tokio::task::spawn_local`, runtimes of the current thread).
pub const ENTRIES: &[Entry] = &[
    thread("std::thread::spawn"),
    scoped("std::thread::scope"),
    thread_method("std::thread::Builder::spawn"),
    scoped_method("std::thread::Builder::spawn_scoped"),
    thread_method("std::thread::Builder::spawn_unchecked"),
    scoped_method("std::thread::Builder::spawn_scoped_unchecked"),
    scoped_method("std::thread::Scope::spawn"),
    scoped("crossbeam::scope"),
    scoped("crossbeam::thread::scope"),
    scoped("crossbeam_utils::thread::scope"),
    scoped_method("crossbeam_utils::thread::Scope::spawn"),
    scoped_method("crossbeam_utils::thread::ScopedThreadBuilder::spawn"),
    thread("rayon::spawn"),
    thread("rayon::spawn_fifo"),
    thread("rayon::spawn_broadcast"),
    scoped_method("rayon::Scope::spawn"),
    scoped_method("rayon::Scope::spawn_broadcast"),
    scoped_method("rayon::ScopeFifo::spawn_fifo"),
    thread_method("rayon::ThreadPool::spawn"),
    thread_method("rayon::ThreadPool::spawn_fifo"),
    thread_method("rayon::ThreadPool::spawn_broadcast"),
    pool("rayon::ThreadPool::new"),
    pool_method("rayon::ThreadPoolBuilder::build"),
    pool_method("rayon::ThreadPoolBuilder::build_global"),
    pool_method("rayon::ThreadPoolBuilder::build_scoped"),
    task("tokio::spawn"),
    task("tokio::task::spawn"),
    thread("tokio::task::spawn_blocking"),
    task_method("tokio::task::Builder::spawn"),
    thread_method("tokio::task::Builder::spawn_blocking"),
    task_method("tokio::runtime::Runtime::spawn"),
    thread_method("tokio::runtime::Runtime::spawn_blocking"),
    task_method("tokio::runtime::Handle::spawn"),
    thread_method("tokio::runtime::Handle::spawn_blocking"),
    task_method("tokio::task::JoinSet::spawn"),
    task_method("tokio::task::JoinSet::spawn_on"),
    thread_method("tokio::task::JoinSet::spawn_blocking"),
    task_method("tokio_util::task::TaskTracker::spawn"),
    thread_method("tokio_util::task::TaskTracker::spawn_blocking"),
    pool("tokio::main"),
    pool("tokio::test"),
    pool("tokio::runtime::Runtime::new"),
    pool_method("tokio::runtime::Builder::build"),
    pool("threadpool::ThreadPool::new"),
    pool("threadpool::ThreadPool::with_name"),
    pool("threadpool::ThreadPool::default"),
    pool_method("threadpool::Builder::build"),
    pool("scoped_threadpool::Pool::new"),
    pool("rusty_pool::ThreadPool::new"),
    task("async_std::task::spawn"),
    thread("async_std::task::spawn_blocking"),
    task_method("async_std::task::Builder::spawn"),
    pool("async_std::main"),
    task("smol::spawn"),
    thread("smol::unblock"),
    thread("blocking::unblock"),
    task("async_global_executor::spawn"),
    thread("async_global_executor::spawn_blocking"),
    pool("futures::executor::ThreadPool::new"),
    pool_method("futures::executor::ThreadPoolBuilder::create"),
    pool("futures_executor::ThreadPool::new"),
    pool_method("futures_executor::ThreadPoolBuilder::create"),
    thread("actix_web::web::block"),
    task("actix_web::rt::spawn"),
    task("actix_rt::spawn"),
    pool("actix_rt::System::new"),
    pool("actix_rt::Arbiter::new"),
    pool("actix_web::main"),
    pool("actix_rt::main"),
    thread("ctrlc::set_handler"),
    thread("ctrlc::try_set_handler"),
    thread("libc::pthread_create"),
    thread("libc::clone"),
    thread("libc::clone3"),
    thread("libc::CreateThread"),
    thread("libc::_beginthreadex"),
    thread("windows_sys::Win32::System::Threading::CreateThread"),
    thread("windows::Win32::System::Threading::CreateThread"),
    thread("winapi::um::processthreadsapi::CreateThread"),
    exit("std::process::exit"),
    exit("std::process::abort"),
    exit("libc::exit"),
    exit("libc::_exit"),
    exit("libc::_Exit"),
    exit("libc::quick_exit"),
    exit("libc::abort"),
];

static BY_PATH: LazyLock<HashMap<&'static str, &'static Entry>> =
    LazyLock::new(|| ENTRIES.iter().map(|entry| (entry.path, entry)).collect());

/// The entry of this path.
pub fn find(path: &str) -> Option<&'static Entry> {
    BY_PATH.get(path).copied()
}

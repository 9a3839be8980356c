//! Owns the threads of the tests, each in a sleep of its own.
//! Refuses to capture them.
#![allow(dead_code, reason = "each test uses a part")]

pub(crate) mod sys;

use std::io::Read;
use std::net::TcpListener;
use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Condvar, Mutex, RwLock, mpsc};
use std::time::{Duration, Instant};

use homebound_stacks::{NotCaptured, Stack, Stacks, Way, thread_id};

/// How long a test may take that has to wait for the machine.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A thread and what it does.
pub(crate) struct Sleeper {
    pub(crate) tid: i32,
    pub(crate) name: &'static str,
}

/// Starts a thread that ends with the process, and returns its number.
pub(crate) fn start(work: impl FnOnce() + Send + 'static) -> i32 {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        send.send(thread_id()).unwrap();
        work();
    });
    receive.recv().unwrap()
}

/// The work of a thread that was to sleep for ever has ended, which the process does at its end.
pub(crate) fn ended<T>(_: T) {}

macro_rules! in_own_function {
    ($name:ident, $work:expr) => {{
        #[inline(never)]
        fn $name(work: impl FnOnce()) {
            work();
            std::hint::black_box(());
        }
        Sleeper { tid: start(move || $name(move || ended($work))), name: stringify!($name) }
    }};
}

/// Captures a thread as soon as it sleeps, and `is_there` says that it is where it was to sleep.
pub(crate) fn asleep(stacks: &mut Stacks, tid: i32, is_there: impl Fn(&Stacks, &Stack) -> bool) -> Stack {
    let begun = Instant::now();
    loop {
        match stacks.capture(tid, Way::Asleep, LONG) {
            Ok(stack) if is_there(stacks, &stack) => return stack,
            Ok(_) | Err(NotCaptured::Running) => {}
            Err(reason) => panic!("thread {tid}: {reason}"),
        }
        assert!(begun.elapsed() < LONG, "thread {tid} does not come to sleep");
        std::thread::yield_now();
    }
}

/// The names of a stack's functions, the innermost first.
pub(crate) fn functions(stacks: &Stacks, stack: &Stack) -> Vec<String> {
    let names = stacks.names(std::slice::from_ref(stack));
    stack.frames().map(|frame| names.function(&frame).unwrap_or("?").to_owned()).collect()
}

extern "C" fn pause_in_compare(_: *const libc::c_void, _: *const libc::c_void) -> i32 {
    sys::pause();
    0
}

/// A thread that holds the locks for which others wait.
fn holder(locks: Arc<(Mutex<()>, Condvar, RwLock<()>)>) -> Sleeper {
    let (send, held) = mpsc::channel();
    let holder = in_own_function!(holds_locks, {
        let (_lock, _write) = (locks.0.lock().unwrap(), locks.2.write().unwrap());
        send.send(()).unwrap();
        sys::pause()
    });
    held.recv().unwrap();
    holder
}

/// Starts a thread in each sort of sleep. With `with_vfork` also in the sorts in which gdb hangs.
pub(crate) fn sleepers(with_vfork: bool) -> Vec<Sleeper> {
    let forever = Arc::new((Mutex::new(()), Condvar::new(), RwLock::new(())));
    let holder = holder(forever.clone());
    let (one, two, three, four) = (forever.clone(), forever.clone(), forever.clone(), Mutex::new(()));
    let (mut end, other) = UnixStream::pair().unwrap();
    let (child_end, _other_child) = UnixStream::pair().unwrap();
    let child_end = child_end.into_raw_fd();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (sender, receiver) = mpsc::channel::<()>();
    let barrier = Arc::new(std::sync::Barrier::new(2));
    std::mem::forget((other, _other_child, sender));
    let mut pipe = sys::pipe_that_nobody_writes_to();
    let mut all = vec![
        holder,
        in_own_function!(waits_for_mutex, one.0.lock().is_ok()),
        in_own_function!(waits_for_read, two.2.read().is_ok()),
        in_own_function!(waits_at_condvar, three.1.wait(four.lock().unwrap()).is_ok()),
        in_own_function!(
            waits_with_limit,
            forever.1.wait_timeout(Mutex::new(()).lock().unwrap(), Duration::from_secs(3600)).is_ok()
        ),
        in_own_function!(waits_at_futex, sys::futex(&AtomicU32::new(0))),
        in_own_function!(reads_socket, end.read(&mut [0])),
        in_own_function!(reads_pipe, pipe.read(&mut [0])),
        in_own_function!(accepts, listener.accept()),
        in_own_function!(receives, receiver.recv()),
        in_own_function!(waits_at_barrier, barrier.wait()),
        in_own_function!(
            parks,
            while std::hint::black_box(true) {
                std::thread::park();
            }
        ),
        in_own_function!(parks_with_limit, std::thread::park_timeout(Duration::from_secs(3600))),
        in_own_function!(
            joins,
            std::thread::spawn(|| {
                sys::pause();
            })
            .join()
        ),
        in_own_function!(sleeps, sys::nanosleep()),
        in_own_function!(polls, sys::poll_for_ever()),
        in_own_function!(pauses, sys::pause()),
        in_own_function!(epolls, sys::epoll()),
        in_own_function!(sorts_in_c, sys::inside_qsort(pause_in_compare)),
        in_own_function!(deaf, {
            sys::block_all_signals();
            sys::pause()
        }),
        in_own_function!(waits_for_child, {
            let (mut cat, _stdin) = cat();
            cat.wait()
        }),
        in_own_function!(reads_from_child, {
            let (mut cat, _stdin) = cat();
            cat.stdout.take().unwrap().read(&mut [0])
        }),
    ];
    if with_vfork {
        all.push(in_own_function!(vforks, sys::vfork_until(child_end)));
        all.push(in_own_function!(clones, sys::clone_until(child_end)));
    }
    all
}

/// A child that ends when its standard input is closed, which is when this process ends.
fn cat() -> (Child, ChildStdin) {
    let mut cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let stdin = cat.stdin.take().unwrap();
    (cat, stdin)
}

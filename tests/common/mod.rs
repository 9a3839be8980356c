//! Owns the helpers that the test files share: the watchdog, re-executed children, loans that prove
//! which thread still uses a value.
//! Refuses to know the semantics under test.
#![allow(dead_code, unreachable_pub)]

#[cfg(target_os = "linux")]
pub mod pty;
pub mod subscriber;

use std::any::Any;
use std::io::{Read, Write};
use std::marker::PhantomData;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use rustix::process::{Pid, Signal, kill_process};

use homebound::{BoxError, Context, Result, Scope, ScopeStatus, Snapshot, StopReason, ThreadStatus, scope};

/// How long a test may take before it counts as hung. No working test waits for it, so it is long
/// enough for a busy machine.
pub const LIMIT: Duration = Duration::from_secs(120);
/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(60);
/// Long enough never to end by itself in a test.
pub const NEVER: Duration = Duration::from_secs(3600);

/// Set in a child: the argument of its scenario.
pub const CHILD: &str = "HOMEBOUND_TEST_CHILD";

/// The name of the running test.
pub fn test_name() -> String {
    std::thread::current().name().unwrap_or("main").to_owned()
}

/// Runs the test's body on a thread of its own and fails by name when it does not come back.
pub fn within<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    within_for(LIMIT, f)
}

/// As `within`, with a limit of its own.
pub fn within_for<R: Send + 'static>(limit: Duration, f: impl FnOnce() -> R + Send + 'static) -> R {
    let name = test_name();
    let (done, back) = bounded(1);
    let body = std::thread::Builder::new().name(name.clone()).spawn(move || {
        let result = std::panic::catch_unwind(AssertUnwindSafe(f));
        let _ = done.send(result);
    });
    let body = body.expect("the test's thread starts");
    match back.recv_timeout(limit) {
        Ok(Ok(value)) => {
            body.join().expect("the test's thread ends");
            value
        }
        Ok(Err(payload)) => resume_unwind(payload),
        Err(_) => panic!("{name} hangs: not back within {limit:?}"),
    }
}

/// Runs `body` in a scope that must end well.
#[track_caller]
pub fn in_scope(body: impl for<'s> FnOnce(&'s Scope<'s, 'static>) -> Result + Send + 'static) {
    within(move || scope(body).unwrap());
}

/// A gate that opens when the first half is dropped.
pub fn gate() -> (Sender<()>, Receiver<()>) {
    bounded(0)
}

/// Blocks until the gate opens, deaf to any stop.
pub fn pass(gate: &Receiver<()>) {
    let _ = gate.recv();
}

/// Takes its time: widens a window, never synchronises. Fit for thread-local destructors.
pub fn linger(ms: u64) {
    let (never, asleep) = (Mutex::new(()), Condvar::new());
    let until = Instant::now() + Duration::from_millis(ms);
    let mut lock = never.lock().unwrap();
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        lock = asleep.wait_timeout(lock, left).unwrap().0;
    }
}

/// Waits for a condition that must come true, and fails by name when it does not.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "never came true: {what}");
        linger(1);
    }
}

/// True when the channel end is disconnected (the shape of every stop and done signal).
pub fn disconnected<T>(receiver: &Receiver<T>) -> bool {
    matches!(receiver.try_recv(), Err(TryRecvError::Disconnected))
}

/// An error with a text, as any program makes them.
pub fn boom(text: &str) -> BoxError {
    text.to_owned().into()
}

/// The innermost reason, below any number of `Parent`.
pub fn origin(reason: &StopReason) -> &StopReason {
    match reason {
        StopReason::Parent(inner) => origin(inner),
        other => other,
    }
}

/// Waits for the stop and ends as stopped.
pub fn until_stopped(cx: &Context) -> Result {
    cx.sleep(NEVER)?;
    unreachable!("slept for an hour")
}

/// A worker that uses its loan until the stop and a little longer, and ends as stopped.
pub fn lingering<'a>(lender: &'a Lender) -> impl FnOnce(&Context) -> Result + Send + use<'a> {
    let loan = lender.lend();
    move |cx| {
        let stopped = cx.sleep(NEVER);
        linger(20);
        loan.touch();
        Ok(stopped?)
    }
}

/// A kind of wait and a closure that does it.
pub type Wait = (&'static str, fn(&Context) -> Result);

/// Every kind of wait of a context, each of which only a stop can end.
pub fn every_wait() -> Vec<Wait> {
    vec![
        ("sleep", |cx| Ok(cx.sleep(NEVER)?)),
        ("sleep_until", |cx| Ok(cx.sleep_until(Instant::now() + NEVER)?)),
        ("wait_for_stop", |cx| {
            cx.wait_for_stop();
            Ok(cx.checkpoint()?)
        }),
        ("ticks", |cx| {
            assert_eq!(cx.ticks(NEVER).count(), 0);
            Ok(cx.checkpoint()?)
        }),
        ("recv", |cx| {
            let (_keep, never) = gate();
            Ok(cx.recv(&never)?)
        }),
        ("recv_timeout", |cx| {
            let (_keep, never) = gate();
            Ok(cx.recv_timeout(&never, NEVER)?)
        }),
        ("send", |cx| {
            let (never, _keep) = gate();
            Ok(cx.send(&never, ())?)
        }),
        ("iter", |cx| {
            let (_keep, never) = gate();
            assert_eq!(cx.iter(&never).count(), 0);
            Ok(cx.checkpoint()?)
        }),
        ("drain", |cx| {
            let (_keep, never) = gate();
            assert_eq!(cx.drain(&never).count(), 0);
            Ok(cx.checkpoint()?)
        }),
        ("wait_while", |cx| {
            let (never, nobody) = (parking_lot::Mutex::new(()), parking_lot::Condvar::new());
            Ok(cx.wait_while(&nobody, &mut never.lock(), |()| true)?)
        }),
        ("wait_while_timeout", |cx| {
            let (never, nobody) = (parking_lot::Mutex::new(()), parking_lot::Condvar::new());
            Ok(cx.wait_while_timeout(&nobody, &mut never.lock(), |()| true, NEVER)?)
        }),
        ("accept", |cx| {
            cx.accept(&TcpListener::bind("127.0.0.1:0")?)?;
            Ok(())
        }),
        ("read", |cx| {
            let (ours, _keep) = UnixStream::pair()?;
            cx.io(ours).read_exact(&mut [0])?;
            Ok(())
        }),
        ("write", |cx| {
            let (ours, _keep) = UnixStream::pair()?;
            Ok(cx.io(ours).write_all(&vec![0; 8 << 20])?)
        }),
        ("recv_from", |cx| Ok(cx.recv_from(&UdpSocket::bind("127.0.0.1:0")?, &mut [0]).map(|_| ())?)),
        ("wait_readable", |cx| {
            let (ours, _keep) = std::io::pipe()?;
            Ok(cx.wait_readable(&ours, Some(NEVER))?)
        }),
        ("select", |cx| {
            let (_keep, never) = gate();
            crossbeam_channel::select! {
                recv(cx.stop_signal()) -> _ => Ok(cx.checkpoint()?),
                recv(never) -> _ => Ok(()),
            }
        }),
    ]
}

/// All threads of a snapshot, scope by scope.
pub fn all_threads(snapshot: &Snapshot) -> Vec<ThreadStatus> {
    fn walk(scope: &ScopeStatus, into: &mut Vec<ThreadStatus>) {
        into.extend(scope.threads.iter().cloned());
        scope.scopes.iter().for_each(|below| walk(below, into));
    }
    let mut all = Vec::new();
    walk(&snapshot.root, &mut all);
    all
}

/// A thread's log of what happened in which order.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn add(&self, entry: impl Into<String>) {
        self.0.lock().unwrap().push(entry.into());
    }

    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub fn has(&self, entry: &str) -> bool {
        self.0.lock().unwrap().iter().any(|e| e == entry)
    }
}

/// Lends itself out and knows how many loans are still in use: the canary of P1.
/// A loan checked after the lender's death is a use after free, found without making one.
#[derive(Default)]
pub struct Lender {
    loans: Arc<AtomicUsize>,
    dead: Arc<AtomicBool>,
}

impl Lender {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn lend(&self) -> Loan<'_> {
        self.loans.fetch_add(1, Ordering::SeqCst);
        Loan { loans: self.loans.clone(), dead: self.dead.clone(), _borrowed: PhantomData }
    }

    pub fn in_use(&self) -> usize {
        self.loans.load(Ordering::SeqCst)
    }

    #[track_caller]
    pub fn assert_unused(&self) {
        assert_eq!(self.in_use(), 0, "something borrowed is still in use");
    }
}

impl Drop for Lender {
    fn drop(&mut self) {
        self.dead.store(true, Ordering::SeqCst);
    }
}

pub struct Loan<'a> {
    loans: Arc<AtomicUsize>,
    dead: Arc<AtomicBool>,
    _borrowed: PhantomData<&'a Lender>,
}

impl Loan<'_> {
    /// Uses the borrowed value.
    pub fn touch(&self) {
        assert!(!self.dead.load(Ordering::SeqCst), "used after the lender was dropped");
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        if self.dead.load(Ordering::SeqCst) {
            eprintln!("a loan outlived its lender");
            std::process::abort();
        }
        self.loans.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The drop of a bomb panics, with another bomb as payload if it has one.
pub struct Bomb(pub Option<Box<Bomb>>);

impl Bomb {
    pub fn new() -> Self {
        Bomb(None)
    }

    pub fn chain(length: usize) -> Self {
        (1..length).fold(Bomb(None), |inner, _| Bomb(Some(Box::new(inner))))
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        match self.0.take() {
            Some(inner) => std::panic::panic_any(*inner),
            None => panic!("the bomb went off"),
        }
    }
}

/// Runs a closure when dropped.
pub struct OnDrop<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Drops a value whose drop may panic, and ignores the panic.
pub fn drop_quietly<T>(value: T) {
    let dropped = std::panic::catch_unwind(AssertUnwindSafe(|| drop(value)));
    std::mem::forget(dropped);
}

/// The text of a panic payload.
pub fn text(payload: &(dyn Any + Send)) -> &str {
    match payload.downcast_ref::<&'static str>() {
        Some(text) => text,
        None => payload.downcast_ref::<String>().map_or("", |text| text),
    }
}

/// Runs `f`, which must panic, and gives the payload.
#[track_caller]
pub fn panics<R>(f: impl FnOnce() -> R) -> Box<dyn Any + Send> {
    match std::panic::catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it should have panicked"),
        Err(payload) => payload,
    }
}

/// OS threads of this process, as the kernel counts them.
pub fn os_threads() -> usize {
    std::fs::read_dir("/proc/self/task").expect("Linux").count()
}

/// How long the calling thread has run on a processor. Other threads that keep the processors busy
/// do not count.
#[allow(unsafe_code)]
pub fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it only writes to `time`.
    let told = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(told, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Resident memory of this process in KiB.
pub fn resident_kib() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    statm.split(' ').nth(1).and_then(|n| n.parse::<usize>().ok()).expect("a number") * 4
}

/// A child that is this test binary, running one scenario of the same test.
pub struct Child {
    process: std::process::Child,
    out: Arc<Mutex<String>>,
    err: Arc<Mutex<String>>,
    what: String,
}

/// How a child ended.
#[derive(Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub out: String,
    pub err: String,
    pub took: Duration,
}

/// In the test: starts this binary again, with only this test, to run `scenario(arg)` in it.
/// In that child: runs it and exits with its value. Call it before anything else in the test.
pub fn child(arg: &str, scenario: fn(&str) -> i32) -> Child {
    let name = test_name();
    if let Ok(arg) = std::env::var(CHILD) {
        heed_signals();
        let code = scenario(&arg);
        let _ = std::io::stdout().flush();
        std::process::exit(code);
    }
    let exe = std::env::current_exe().expect("the test binary has a path");
    let mut process = Command::new(exe)
        // An ignored test is run on demand: its child must be, too.
        .args([name.as_str(), "--exact", "--include-ignored", "--nocapture", "--test-threads=1"])
        .env(CHILD, arg)
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the child starts");
    let out = collect(process.stdout.take().expect("piped"));
    let err = collect(process.stderr.take().expect("piped"));
    Child { process, out, err, what: format!("{name}({arg})") }
}

/// A shell that starts the tests in the background ignores SIGINT and SIGQUIT for them, and
/// children inherit that.
#[allow(unsafe_code)]
fn heed_signals() {
    for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGHUP, libc::SIGTERM] {
        // SAFETY: the default action needs no handler.
        let before = unsafe { libc::signal(signal, libc::SIG_DFL) };
        assert_ne!(before, libc::SIG_ERR);
    }
}

/// The disposition of a signal, as the kernel has it.
#[allow(unsafe_code)]
pub fn disposition(signal: i32) -> libc::sighandler_t {
    // SAFETY: all-zero is a valid sigaction.
    let mut now: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: it only asks.
    let asked = unsafe { libc::sigaction(signal, std::ptr::null(), &mut now) };
    assert_eq!(asked, 0);
    now.sa_sigaction
}

/// Runs a scenario in a child and waits for its end.
pub fn in_child(arg: &str, scenario: fn(&str) -> i32) -> Done {
    child(arg, scenario).finish()
}

/// A scenario that must come through and exit with 0.
#[track_caller]
pub fn child_passes(scenario: fn(&str) -> i32) {
    child_passes_with("", scenario);
}

/// The same, with an argument.
#[track_caller]
pub fn child_passes_with(arg: &str, scenario: fn(&str) -> i32) {
    let done = in_child(arg, scenario);
    assert_eq!(done.code, Some(0), "the child failed with {arg:?}: {done:#?}");
}

/// In a child: tells the parent how far it has come.
pub fn say(word: &str) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "\n<{word}>").and_then(|()| out.flush());
}

fn collect(mut from: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let into = text.clone();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            into.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..n]));
        }
    });
    text
}

impl Child {
    /// Waits until the child has said `word`.
    #[track_caller]
    pub fn until(&mut self, word: &str) -> &mut Self {
        let marker = format!("<{word}>");
        self.wait_for(&marker, |child| child.out.lock().unwrap().contains(&marker))
    }

    /// Waits until the child's stderr contains `text`.
    #[track_caller]
    pub fn until_stderr(&mut self, text: &str) -> &mut Self {
        self.wait_for(text, |child| child.err.lock().unwrap().contains(text))
    }

    /// Waits until stderr contains `text` at least `n` times.
    #[track_caller]
    pub fn until_nth_stderr(&mut self, text: &str, n: usize) -> &mut Self {
        self.wait_for(text, |child| child.stderr().matches(text).count() >= n)
    }

    pub fn stderr(&self) -> String {
        self.err.lock().unwrap().clone()
    }

    pub fn signal(&mut self, signal: i32) -> &mut Self {
        let pid = Pid::from_child(&self.process);
        let signal = Signal::from_named_raw(signal).expect("a signal");
        kill_process(pid, signal).expect("the child is there");
        self
    }

    #[track_caller]
    fn wait_for(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> &mut Self {
        let start = Instant::now();
        while !holds(self) {
            let ended = self.process.try_wait().expect("waitable").is_some();
            if (ended && !holds(self)) || start.elapsed() > LIMIT {
                self.give_up(&format!("no {what:?}"));
            }
            linger(1);
        }
        self
    }

    /// Waits for the end.
    #[track_caller]
    pub fn finish(mut self) -> Done {
        let start = Instant::now();
        let status = loop {
            match self.process.try_wait().expect("waitable") {
                Some(status) => break status,
                None if start.elapsed() > LIMIT => self.give_up("it did not end"),
                None => linger(1),
            }
        };
        // The pipes' readers end with the child, unless it has left children of its own.
        eventually("the child's output is read", || Arc::strong_count(&self.err) == 1);
        eventually("the child's output is read", || Arc::strong_count(&self.out) == 1);
        Done {
            code: status.code(),
            signal: status.signal(),
            out: self.out.lock().unwrap().clone(),
            err: self.err.lock().unwrap().clone(),
            took: start.elapsed(),
        }
    }

    #[track_caller]
    fn give_up(&mut self, why: &str) -> ! {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let (out, err) = (self.out.lock().unwrap(), self.err.lock().unwrap());
        panic!("{}: {why}\n--- stdout\n{out}\n--- stderr\n{err}", self.what);
    }
}

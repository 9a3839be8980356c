//! Owns threads that sleep, each in a function of its own and in a call that nothing ends.
//! Refuses to look at them.
#![allow(unsafe_code)] // raw calls: std would try them again after a signal
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::io::Read;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::{Condvar, Mutex, mpsc};

use crate::common::*;
use homebound::{Context, Scope};

/// A function in which a thread sleeps. It has a name of its own in the symbol table.
pub(super) type Sleep = (&'static str, fn(&Context));

static HELD: Mutex<()> = Mutex::new(());
static FAIR: parking_lot::Mutex<()> = parking_lot::Mutex::new(());

/// Each sort of sleep that a program meets.
pub(super) const SLEEPS: [Sleep; 17] = [
    ("in_recv", in_recv),
    ("in_sleep", in_sleep),
    ("in_std_mutex", in_std_mutex),
    ("in_std_condvar", in_std_condvar),
    ("in_std_recv", in_std_recv),
    ("in_park", in_park),
    ("in_join", in_join),
    ("in_parking_lot", in_parking_lot),
    ("in_pipe", in_pipe),
    ("in_accept", in_accept),
    ("in_child_process", in_child_process),
    ("in_poll", in_poll),
    ("in_pause", in_pause),
    ("in_epoll", in_epoll),
    ("in_nanosleep", in_nanosleep),
    ("in_futex", in_futex),
    ("in_all_blocked", in_all_blocked),
];

/// The sleeps among them that any signal ends, also one whose handler is to restart calls.
pub(super) const LIGHT: [Sleep; 4] =
    [("in_poll", in_poll), ("in_pause", in_pause), ("in_epoll", in_epoll), ("in_nanosleep", in_nanosleep)];

/// Sleeps among them that go on after any signal: the C library sends one to each thread when the
/// process changes its user.
pub(super) const STEADY: [Sleep; 2] = [("in_std_mutex", in_std_mutex), ("in_park", in_park)];

/// Spawns a thread for each of these sorts, named like its function.
pub(super) fn spawn_each<'scope>(scope: &'scope Scope<'scope, '_>, sleeps: &[Sleep]) {
    std::mem::forget((HELD.lock(), FAIR.lock()));
    for (name, sleep) in sleeps.iter().copied() {
        scope.spawn(name, "sleeps", move |cx| Ok(sleep(cx))).expect("a thread");
    }
}

#[inline(never)]
fn in_recv(cx: &Context) {
    let (_keep, never) = gate();
    drop(cx.recv(&never));
}

#[inline(never)]
fn in_sleep(cx: &Context) {
    drop(cx.sleep(NEVER));
}

#[inline(never)]
fn in_std_mutex(_: &Context) {
    drop(HELD.lock());
}

#[inline(never)]
fn in_std_condvar(_: &Context) {
    let own = Mutex::new(());
    drop(Condvar::new().wait(own.lock().unwrap()));
}

#[inline(never)]
fn in_std_recv(_: &Context) {
    let (_keep, never) = mpsc::channel::<()>();
    never.recv().unwrap_or_default();
}

#[inline(never)]
fn in_park(_: &Context) {
    loop {
        std::thread::park();
    }
}

#[inline(never)]
fn in_join(_: &Context) {
    let other = std::thread::spawn(std::thread::park);
    other.join().unwrap_or_default();
}

#[inline(never)]
fn in_parking_lot(_: &Context) {
    drop(FAIR.lock());
}

#[inline(never)]
fn in_pipe(_: &Context) {
    let (mut never, _keep) = std::io::pipe().unwrap();
    assert_eq!(never.read(&mut [0]).unwrap_or(0), 0);
}

#[inline(never)]
fn in_accept(_: &Context) {
    drop(TcpListener::bind("127.0.0.1:0").unwrap().accept());
}

#[inline(never)]
fn in_child_process(_: &Context) {
    // It ends when the end of its stdin in this process is closed, and holds no other pipe of it.
    let mut child = Command::new("cat");
    child.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = child.spawn().unwrap();
    let _keep = child.stdin.take();
    drop(child.wait());
}

#[inline(never)]
fn in_poll(_: &Context) {
    // SAFETY: no descriptors are passed.
    let woken = unsafe { libc::poll(std::ptr::null_mut(), 0, -1) };
    say(&format!("poll woke up: {woken}"));
}

#[inline(never)]
fn in_pause(_: &Context) {
    // SAFETY: it has no preconditions.
    let woken = unsafe { libc::pause() };
    say(&format!("pause woke up: {woken}"));
}

#[inline(never)]
fn in_epoll(_: &Context) {
    // SAFETY: it has no preconditions.
    let epoll = unsafe { libc::epoll_create1(0) };
    let mut event = libc::epoll_event { events: 0, u64: 0 };
    // SAFETY: there is room for the one event that is asked for.
    let woken = unsafe { libc::epoll_wait(epoll, &raw mut event, 1, -1) };
    say(&format!("epoll_wait woke up: {woken}"));
}

#[inline(never)]
fn in_nanosleep(_: &Context) {
    let long = libc::timespec { tv_sec: 3600, tv_nsec: 0 };
    // SAFETY: `long` is valid for reading, and the rest is not asked for.
    let woken = unsafe { libc::nanosleep(&raw const long, std::ptr::null_mut()) };
    say(&format!("nanosleep woke up: {woken}"));
}

#[inline(never)]
fn in_futex(_: &Context) {
    let word = 0_u32;
    // SAFETY: the word lives in this frame.
    let woken = unsafe { libc::syscall(libc::SYS_futex, &raw const word, libc::FUTEX_WAIT, 0, 0_usize) };
    say(&format!("futex woke up: {woken}"));
}

#[inline(never)]
fn in_all_blocked(_: &Context) {
    let mut all = std::mem::MaybeUninit::uninit();
    // SAFETY: the set is filled before it is read, and the old mask is not asked for.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: the set was filled, and the old mask is not asked for.
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), std::ptr::null_mut());
    }
    std::thread::park();
}

/// Computes until the process ends.
#[inline(never)]
pub(super) fn in_loop(_: &Context) {
    let mut number = 0_u64;
    loop {
        number = std::hint::black_box(number).wrapping_mul(3);
        if number == 1 {
            linger(u64::MAX);
        }
    }
}

/// Computes with all signals blocked.
#[inline(never)]
pub(super) fn in_deaf_loop(cx: &Context) {
    let mut all = std::mem::MaybeUninit::uninit();
    // SAFETY: as in `in_all_blocked`.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: the set was filled, and the old mask is not asked for.
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), std::ptr::null_mut());
    }
    in_loop(cx);
}

/// Gives each free real-time signal a handler.
pub(super) fn use_all_real_time_signals() {
    extern "C" fn handler(_: i32) {}
    for signal in libc::SIGRTMIN()..=libc::SIGRTMAX() {
        // SAFETY: the handler does nothing.
        unsafe { libc::signal(signal, handler as *const () as usize) };
    }
}

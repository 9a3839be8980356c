//! Owns the tests of processes that may not see themselves: each thing that cannot be read is
//! missing with its reason, and the rest is there.
//! Refuses to spoil the process of the other tests: each test runs in a child of its own.
#![cfg(target_os = "linux")]

mod common;

use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use common::{LONG, start, sys};
use homebound_stacks::{How, NotCaptured, Stack, Stacks, Way, free_signal, thread_id};

/// Runs `test` in a child, and there its body.
fn in_a_child(test: &str, body: impl FnOnce()) {
    const CHILD: &str = "HOMEBOUND_STACKS_CHILD";
    if std::env::var_os(CHILD).is_some() {
        return body();
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    let output =
        child.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CHILD, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    text.lines().filter(|line| line.starts_with("skipped")).for_each(|line| println!("{line}"));
}

/// Captures until the answer is what the test waits for: a thread needs a moment to come to its
/// place.
fn until(stacks: &mut Stacks, tid: i32, way: Way, is_so: impl Fn(&Result<Stack, NotCaptured>) -> bool) {
    let begun = std::time::Instant::now();
    loop {
        let result = stacks.capture(tid, way, LONG);
        if is_so(&result) {
            return;
        }
        assert!(begun.elapsed() < LONG, "{result:?}");
        std::thread::yield_now();
    }
}

fn computes() -> i32 {
    static ON: AtomicBool = AtomicBool::new(true);
    start(|| {
        while ON.load(Ordering::Relaxed) {
            std::hint::spin_loop()
        }
    })
}

#[test]
fn a_process_that_is_not_dumpable_has_stacks_by_signals_alone() {
    in_a_child("a_process_that_is_not_dumpable_has_stacks_by_signals_alone", || {
        let tid = start(|| common::ended(sys::futex(&AtomicU32::new(0))));
        sys::become_undumpable();
        let mut stacks = Stacks::new().unwrap();
        let hidden = NotCaptured::Hidden { file: "syscall", errno: libc::EACCES };
        until(&mut stacks, tid, Way::Asleep, |result| result.as_ref().err() == Some(&hidden));
        assert!(hidden.to_string().contains("PR_SET_DUMPABLE"), "{hidden}");
        let is_whole = |stack: &Stack| stack.how == How::Signal && stack.cut.is_none();
        until(&mut stacks, tid, Way::Signal, |result| result.as_ref().is_ok_and(is_whole));
    });
}

#[test]
fn a_thread_gets_no_second_signal_while_one_is_pending() {
    // catches: signals that pile up at a thread that cannot answer, and take all room of the user
    in_a_child("a_thread_gets_no_second_signal_while_one_is_pending", || {
        // Without this the thread would be captured as it sleeps.
        sys::become_undumpable();
        let (own, _other) = UnixStream::pair().unwrap();
        let reader = own.into_raw_fd();
        // No signal comes through to a thread in `vfork`.
        let tid = start(move || sys::vfork_until(reader));
        let mut stacks = Stacks::new().unwrap();
        let begun = Instant::now();
        let mut ask = || stacks.capture(tid, Way::Signal, Duration::from_millis(20)).err();
        while ask() != Some(NotCaptured::Outstanding) {
            assert!(begun.elapsed() < LONG, "it gets one signal after the other");
        }
    });
}

#[test]
fn a_filter_that_refuses_the_copying_is_named() {
    in_a_child("a_filter_that_refuses_the_copying_is_named", || {
        sys::refuse(libc::SYS_process_vm_readv as u32);
        let reason = Stacks::new().err();
        assert_eq!(reason, Some(NotCaptured::Memory { errno: libc::EPERM }));
    });
}

#[test]
fn a_thread_with_a_filter_of_its_own_gets_no_signal() {
    in_a_child("a_thread_with_a_filter_of_its_own_gets_no_signal", || {
        let tid = start(|| {
            sys::refuse(libc::SYS_process_vm_readv as u32);
            while std::hint::black_box(true) {}
        });
        let mut stacks = Stacks::new().unwrap();
        let sandboxed = |result: &Result<Stack, _>| result.as_ref().err() == Some(&NotCaptured::Sandboxed);
        until(&mut stacks, tid, Way::Signal, sandboxed);
    });
}

#[test]
fn without_proc_there_is_a_reason() {
    in_a_child("without_proc_there_is_a_reason", || {
        let mut before = Stacks::new().unwrap();
        if !sys::hide_proc() {
            println!("skipped: only root may hide /proc");
            return;
        }
        let hidden = |file| Some(NotCaptured::Hidden { file, errno: libc::ENOENT });
        assert_eq!(Stacks::new().err(), hidden("maps"));
        let tid = computes();
        assert_eq!(before.capture(tid, Way::Asleep, LONG).err(), hidden("schedstat"));
        // A signal needs to know whether it is blocked.
        assert_eq!(before.capture(tid, Way::Signal, LONG).err(), hidden("comm"));
        assert!(homebound_stacks::threads().is_err());
    });
}

#[test]
fn a_user_of_many_groups_has_threads_that_block_no_signal() {
    // catches: a file of the kernel's of which the first part alone is read, with the groups in it
    in_a_child("a_user_of_many_groups_has_threads_that_block_no_signal", || {
        if !sys::join_groups(5_000) {
            println!("skipped: only root may join groups");
            return;
        }
        let tid = computes();
        let mut stacks = Stacks::new().unwrap();
        let is_by_signal =
            |result: &Result<Stack, _>| matches!(result, Ok(stack) if stack.how == How::Signal);
        until(&mut stacks, tid, Way::Signal, is_by_signal);
    });
}

#[test]
fn the_proc_of_another_namespace_is_refused() {
    // catches: the stack of a thread whose number in the other namespace is that of the one asked
    // for; "there is no such thread" for each that is there
    in_a_child("the_proc_of_another_namespace_is_refused", || {
        if !sys::children_in_a_new_namespace() {
            println!("skipped: only root may make a namespace of processes");
            return;
        }
        let mut inner = Command::new(std::env::current_exe().unwrap());
        inner.args(["--exact", "in_a_new_namespace", "--ignored", "--nocapture"]);
        let output = inner.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    });
}

#[test]
#[ignore = "is run by the test above, in a namespace"]
fn in_a_new_namespace() {
    assert_eq!(std::process::id(), 1);
    assert_eq!(Stacks::new().err(), Some(NotCaptured::Foreign));
}

#[test]
fn a_process_that_uses_all_signals_has_stacks_of_those_that_sleep() {
    in_a_child("a_process_that_uses_all_signals_has_stacks_of_those_that_sleep", || {
        let (runs, sleeps) = (computes(), start(|| common::ended(sys::pause())));
        let mut stacks = Stacks::new().unwrap();
        let is_by_signal =
            |result: &Result<Stack, _>| matches!(result, Ok(stack) if stack.how == How::Signal);
        until(&mut stacks, runs, Way::Signal, is_by_signal);
        // The signal that is in use by now is ours; other code takes it, and all that are free.
        (libc::SIGRTMIN()..=libc::SIGRTMAX()).for_each(sys::ignore);
        assert_eq!(free_signal(), None);
        let no_signal = |result: &Result<Stack, _>| result.as_ref().err() == Some(&NotCaptured::NoSignal);
        until(&mut stacks, runs, Way::Signal, no_signal);
        let is_asleep = |result: &Result<Stack, _>| matches!(result, Ok(stack) if stack.cut.is_none());
        until(&mut stacks, sleeps, Way::Signal, is_asleep);
        assert_ne!(sleeps, thread_id());
    });
}

//! Owns processes that may not look at themselves: each thing that cannot be read is missing with
//! its reason, and the rest is there.

use std::io::Read;
use std::ptr::null;

use homebound::{Result, RunState, Scope, scope_named};

use crate::common::*;

/// Hides `/proc` from the calling thread and from those that it starts. False if only root may.
fn hide_proc() -> bool {
    let private = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: it changes only what the calling thread sees of the file system.
    let alone = unsafe { libc::unshare(libc::CLONE_NEWNS) } == 0;
    // SAFETY: all texts end with a zero.
    let apart = alone && unsafe { libc::mount(null(), c"/".as_ptr(), null(), private, null()) } == 0;
    // SAFETY: as above.
    apart && unsafe { libc::mount(c"none".as_ptr(), c"/proc".as_ptr(), c"tmpfs".as_ptr(), 0, null()) } == 0
}

/// Threads in a FIFO's open and in a pipe's read.
fn stuck(s: &Scope<'_, '_>) -> Result {
    let (mut pipe, keep) = std::io::pipe()?;
    s.spawn("pipe", "reads a pipe", move |_| {
        let _keep = keep;
        Ok(pipe.read_exact(&mut [0])?)
    })?;
    s.spawn("sleep", "sleeps", |_| {
        let time = libc::timespec { tv_sec: 1234, tv_nsec: 0 };
        // SAFETY: the time is there.
        unsafe { libc::nanosleep(&time, std::ptr::null_mut()) };
        Ok(())
    })?;
    Ok(())
}

#[test]
fn ed2_without_the_copying_of_memory_the_rest_is_shown() {
    // catches: a dump without calls because one argument could not be read; silence about why
    child_passes(|_| {
        let result = scope_named("shop", |s| -> Result {
            refuse_call(libc::SYS_process_vm_readv);
            stuck(s)?;
            eventually("all that can be read is there", || {
                let dump = s.dump_status();
                dump.contains("sleeps in read fd ")
                    && dump.contains("sleeps in clock_nanosleep (kernel:")
                    && dump.contains("not seen: arguments of system calls: process_vm_readv: ")
            });
            std::process::exit(0)
        });
        result.map_or(1, |()| 1)
    });
}

#[test]
fn ed2_a_process_that_is_not_dumpable_says_that_calls_are_hidden() {
    // catches: a thread that loses its call without a word, as after setuid
    child_passes(|_| {
        let result = scope_named("shop", |s| -> Result {
            stuck(s)?;
            // SAFETY: it has no pointers.
            unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
            // SAFETY: as above. Root reads all files, so it must be another user.
            let _only_root = unsafe { libc::setuid(65534) };
            // SAFETY: as above; the change of the user has changed it.
            unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
            let calls = "not seen: system calls, and so the holders of locks: /proc/self/task/*/syscall: ";
            eventually("the reason is there", || {
                let dump = s.dump_status();
                dump.contains(calls) && dump.contains("  sleeps")
            });
            // Of each thread the same, so it is said once.
            let dump = s.dump_status();
            let dumpable = dump.lines().filter(|line| line.contains("not seen: stacks: "));
            assert!(dumpable.count() == 1 && !dump.contains("no stack: "), "{dump}");
            std::process::exit(0)
        });
        result.map_or(1, |()| 1)
    });
}

#[test]
fn ed2_without_proc_no_thread_is_called_gone() {
    // catches: `gone, or about to be` for each thread, where no thread can be seen
    child_passes(|_| {
        if !hide_proc() {
            say("skipped: only root may hide /proc");
            return 0;
        }
        let result = scope_named("shop", |s| -> Result {
            stuck(s)?;
            eventually("the reason is there", || {
                let snapshot = s.examine(homebound::Examine::new().kernel());
                let states: Vec<_> = all_threads(&snapshot).iter().map(|thread| thread.run_state).collect();
                assert!(!states.contains(&Some(RunState::Other)), "{snapshot}");
                snapshot
                    .limits
                    .iter()
                    .any(|limit| limit.starts_with("what threads do in the kernel: /proc/self/task: "))
            });
            // No thread is said to run, or to be in trouble, of which nothing could be read.
            let row = |line: &str| {
                line.contains("/shop/sleep  (worker: sleeps)")
                    && line.ends_with("in no wait of homebound's; what it does is not seen")
            };
            eventually("it runs", || s.dump_status().lines().any(row));
            let dump = s.dump_status();
            assert!(dump.contains("not seen: what threads do in the kernel: /proc/self/task: "), "{dump}");
            // Nor if the kernel was not asked at all.
            let snapshot = s.snapshot().to_string();
            assert!(snapshot.contains("in no wait of homebound's\n"), "{snapshot}");
            std::process::exit(0)
        });
        result.map_or(1, |()| 1)
    });
}

#[test]
fn ed2_an_edge_that_cannot_be_read_is_missing_with_its_reason() {
    // catches: an edge from half of what is needed; a reason that is lost with the edge
    child_passes(|_| {
        let result = scope_named("shop", |s| -> Result {
            refuse_call(libc::SYS_process_vm_readv);
            let lock = std::sync::Arc::new(std::sync::Mutex::new(()));
            let held = lock.clone();
            let (_open, gate) = gate();
            let (told, hear) = crossbeam_channel::bounded(1);
            s.spawn("holder", "holds", move |_| {
                let _held = held.lock();
                told.send(())?;
                Ok(pass(&gate))
            })?;
            hear.recv()?;
            s.spawn("waiter", "wants the lock", move |_| Ok(drop(lock.lock())))?;
            super::until_locked(s, "waiter");
            let snapshot = super::look(s, homebound::Stacks::Asleep);
            assert!(super::row(&snapshot, "waiter").waits_for.is_empty(), "{snapshot}");
            let reason = |limit: &String| limit.starts_with("stacks: process_vm_readv: ");
            assert!(snapshot.limits.iter().any(reason), "{:?}", snapshot.limits);
            let locks = |limit: &String| limit.starts_with("holders of locks: ");
            assert!(snapshot.limits.iter().any(locks), "{:?}", snapshot.limits);
            let without = super::look(s, homebound::Stacks::Off);
            assert!(!without.limits.iter().any(locks), "not asked for: {:?}", without.limits);
            std::process::exit(0)
        });
        result.map_or(1, |()| 1)
    });
}

//! Owns the tests of threads that run, and of signals that are too late.
//! Refuses to look at threads that sleep, but to see that they are left alone.
#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;
mod unsent;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::{Duration, Instant};

use common::{LONG, asleep, functions, start, sys};
use homebound_stacks::{Cut, How, NotCaptured, Stack, Stacks, Way, thread_id};

#[inline(never)]
fn computes(stop: &AtomicBool) {
    let mut sum = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(7));
    }
}

/// A thread that computes until this value is dropped.
struct Runner {
    tid: i32,
    stop: Arc<AtomicBool>,
}

impl Runner {
    /// Runs `first` before it computes.
    fn new(first: impl FnOnce() + Send + 'static) -> Runner {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        let tid = start(move || {
            first();
            computes(&seen);
        });
        Runner { tid, stop }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Waits until `is_so`, on a machine that may be busy.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LONG, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_running_thread_is_captured_by_a_signal_alone() {
    let mut stacks = Stacks::new().unwrap();
    let runner = Runner::new(|| {});
    let tid = runner.tid;
    until("it was seen running", || {
        stacks.capture(tid, Way::Asleep, LONG).err() == Some(NotCaptured::Running)
    });
    assert_eq!(stacks.words(1..u64::MAX).count(), 0, "the last capture came to no stack");
    let mut whole = None;
    until("it was captured where it computes", || {
        let stack = stacks.capture(tid, Way::Signal, LONG).unwrap();
        let names = functions(&stacks, &stack);
        if names.iter().any(|name| name.ends_with("computes")) {
            whole = Some(stack);
        }
        whole.is_some()
    });
    let stack = whole.unwrap();
    assert_eq!((stack.how, stack.cut, stack.call), (How::Signal, None, None));
    assert!(stack.frames().all(|frame| !frame.is_guess));
}

#[test]
fn a_deep_stack_is_copied_by_the_handler_in_full() {
    // catches: a handler that copies less than it has room for
    #[inline(never)]
    fn deep(levels: u32, stop: &AtomicBool) -> u64 {
        let large = std::hint::black_box([u64::from(levels); 200]);
        if levels == 0 {
            computes(stop);
        } else {
            deep(levels - 1, stop);
        }
        std::hint::black_box(large)[7]
    }
    let mut stacks = Stacks::new().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let seen = stop.clone();
    let tid = start(move || common::ended(deep(40, &seen)));
    until("it is deep", || {
        let stack = stacks.capture(tid, Way::Signal, LONG).unwrap();
        assert_eq!(stack.cut, None, "{stack:?}");
        stack.how == How::Signal
            && functions(&stacks, &stack).iter().filter(|name| name.ends_with("deep")).count() == 41
    });
    stop.store(true, Ordering::Relaxed);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_thread_at_the_end_of_its_stack_is_captured_by_a_signal() {
    // catches: a handler on the stack of the thread, of which there is too little: the kernel ends
    // the process
    let mut stacks = Stacks::new().unwrap();
    let (stop, may_not) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (seen, skip) = (stop.clone(), may_not.clone());
    let tid = start(move || {
        let done = sys::frames::compute_at_the_end_of_the_stack(&seen);
        skip.store(!done, Ordering::Relaxed);
    });
    until("it is there", || {
        let stack = stacks.capture(tid, Way::Signal, LONG);
        let names = stack.as_ref().map(|stack| functions(&stacks, stack)).unwrap_or_default();
        let is_there = names.first().is_some_and(|name| name == "computes_at");
        if is_there {
            // The rest is too far away.
            assert!(matches!(stack.unwrap().cut, Some(Cut::NotCopied { .. })), "{names:?}");
        }
        is_there || may_not.load(Ordering::Relaxed)
    });
    stop.store(true, Ordering::Relaxed);
}

#[test]
fn a_thread_keeps_its_error_number() {
    // catches: a handler whose system calls are seen by the code that it interrupts
    let mut stacks = Stacks::new().unwrap();
    let (stop, wrong) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI32::new(0)));
    let (seen, other) = (stop.clone(), wrong.clone());
    let tid = start(move || {
        while !seen.load(Ordering::Relaxed) {
            sys::set_errno(77);
            (0..10_000).for_each(|n| common::ended(std::hint::black_box(n)));
            if sys::errno() != 77 {
                other.store(sys::errno(), Ordering::Relaxed);
            }
        }
    });
    let mut by_signal = 0;
    until("it was captured many times", || {
        let stack = stacks.capture(tid, Way::Signal, LONG);
        by_signal += u32::from(stack.is_ok_and(|stack| stack.how == How::Signal));
        by_signal > 300
    });
    stop.store(true, Ordering::Relaxed);
    assert_eq!(wrong.load(Ordering::Relaxed), 0);
}

#[test]
fn a_late_signal_of_one_thread_is_no_answer_of_another() {
    // catches: a handler that answers the request which is there, and not the one for which its
    // signal was sent
    let mut stacks = Stacks::new().unwrap();
    let runners = [Runner::new(|| {}), Runner::new(deeper)];
    let is_deeper =
        |stacks: &Stacks, stack: &Stack| functions(stacks, stack).iter().any(|name| name.ends_with("deeper"));
    let [late, other] = runners.each_ref().map(|runner| runner.tid);
    until("the other is in its place", || {
        stacks.capture(other, Way::Signal, LONG).is_ok_and(|stack| is_deeper(&stacks, &stack))
    });
    let mut lates = 0;
    until("enough were late", || {
        let asked = stacks.capture(late, Way::Signal, Duration::ZERO);
        lates += u32::from(asked.err() == Some(NotCaptured::TooLate));
        if let Ok(stack) = stacks.capture(other, Way::Signal, LONG) {
            assert!(is_deeper(&stacks, &stack), "{stack:?}");
        }
        lates > 100
    });
}

#[test]
fn a_signal_of_another_number_does_not_interrupt_the_handler() {
    // catches: a handler that leaves the other signal of this crate deliverable: the second capture
    // then is of the first one's handler, and is cut where the alternate stack ends. And a session
    // that takes a thread on its way out of the handler for a thread that blocks the signal
    let mut sessions = [5, 6].map(|n| Stacks::new().unwrap().signal(libc::SIGRTMIN() + n));
    let runner = Runner::new(deeper);
    let mut captured = 0;
    until("both signals were answered often enough", || {
        for stacks in &mut sessions {
            let stack = stacks.capture(runner.tid, Way::Signal, LONG).unwrap();
            assert_eq!(stack.cut, None, "{:?}", functions(stacks, &stack));
            captured += u32::from(stack.how == How::Signal);
        }
        captured > 600
    });
}

/// Computes for ever in a function of its own.
#[inline(never)]
fn deeper() {
    let never = AtomicBool::new(false);
    computes(&never);
    std::hint::black_box(&never);
}

#[test]
fn a_thread_that_sleeps_sees_no_eintr() {
    let woken = Arc::new(AtomicI32::new(0));
    let sleeps: [fn() -> i32; 4] = [sys::poll_for_ever, sys::pause, sys::nanosleep, sys::epoll];
    let mut stacks = Stacks::new().unwrap();
    let victims = sleeps.map(|sleep| {
        let woken = woken.clone();
        start(move || {
            sleep();
            woken.fetch_add(1, Ordering::Relaxed);
        })
    });
    for tid in victims {
        asleep(&mut stacks, tid, |_, stack| {
            stack.call.is_some_and(|call| call.number != libc::SYS_futex as u64)
        });
    }
    for way in [Way::Asleep, Way::Signal] {
        for _ in 0..250 {
            for tid in victims {
                let stack = stacks.capture(tid, way, LONG).unwrap();
                assert_eq!((stack.how, stack.cut), (How::Asleep, None));
            }
        }
    }
    assert_eq!(woken.load(Ordering::Relaxed), 0);
}

#[test]
fn a_thread_that_has_ended_is_gone() {
    let mut stacks = Stacks::new().unwrap();
    let tid = std::thread::spawn(thread_id).join().unwrap();
    let is_gone = |stacks: &mut Stacks, way| stacks.capture(tid, way, LONG).err() == Some(NotCaptured::Gone);
    // The kernel forgets it a moment after the join.
    until("it is gone", || is_gone(&mut stacks, Way::Asleep) && is_gone(&mut stacks, Way::Signal));
    assert_eq!(stacks.capture(-1, Way::Signal, LONG).err(), Some(NotCaptured::Gone));
}

#[test]
fn threads_that_end_meanwhile_have_a_stack_or_are_gone() {
    let mut stacks = Stacks::new().unwrap();
    for _ in 0..300 {
        let tid = start(|| {});
        match stacks.capture(tid, Way::Signal, LONG) {
            Ok(stack) => assert!(!stack.addresses().is_empty()),
            Err(NotCaptured::Gone | NotCaptured::NoStack | NotCaptured::Blocked | NotCaptured::TooLate) => {}
            Err(reason) => panic!("{reason}"),
        }
    }
}

#[test]
fn an_answer_that_comes_too_late_is_nobodys() {
    let mut stacks = Stacks::new().unwrap();
    let runner = Runner::new(|| {});
    let tid = runner.tid;
    let (mut late, mut good) = (0, 0);
    until("enough were late, and enough were not", || {
        match stacks.capture(tid, Way::Signal, Duration::ZERO) {
            Err(NotCaptured::TooLate) => late += 1,
            // The handler of the request before is about to come, or runs, or other tests have all
            // slots.
            Err(NotCaptured::Outstanding | NotCaptured::Blocked | NotCaptured::Busy) | Ok(_) => {}
            Err(reason) => panic!("{reason}"),
        }
        // The next request may find the slot of the last, and must get an answer of its own.
        if let Ok(stack) = stacks.capture(tid, Way::Signal, LONG) {
            assert_eq!(stack.cut, None, "{stack:?}");
            good += 1;
        }
        late > 10 && good > 10
    });
}

#[test]
fn a_thread_captures_itself_by_a_signal() {
    let mut stacks = Stacks::new().unwrap();
    assert_eq!(stacks.capture(thread_id(), Way::Asleep, LONG).err(), Some(NotCaptured::Running));
    // A frame of its own: tests are optimised, and the test itself may be inlined.
    #[inline(never)]
    fn captures_itself(stacks: &mut Stacks) -> Stack {
        stacks.capture(thread_id(), Way::Signal, LONG).unwrap()
    }
    let stack = captures_itself(&mut stacks);
    let names = functions(&stacks, &stack);
    assert!(names.iter().any(|name| name.ends_with("captures_itself")), "{names:?}");
    assert_eq!(stack.cut, None);
}

#[test]
fn sessions_of_many_threads_do_not_disturb_each_other() {
    let runner = Runner::new(|| {});
    let tid = runner.tid;
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut stacks = Stacks::new().unwrap();
                for _ in 0..100 {
                    match stacks.capture(tid, Way::Signal, LONG) {
                        Ok(stack) => assert_eq!(stack.cut, None, "{stack:?}"),
                        // Another session has the slots, or its signal.
                        Err(NotCaptured::Outstanding) => {}
                        Err(reason) => panic!("{reason}"),
                    }
                }
            });
        }
    });
}

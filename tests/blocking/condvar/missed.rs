//! A wait misses no stop, at whichever of its instructions the stop comes.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::{A_TIME, Place, assert_stopped, spawn, until_waiting};
use crate::common::*;
use crossbeam_channel::bounded;
use homebound::registry::Registry;
use homebound::{Handle, Result, Scope, scope};

/// Stops a thread after so many instructions, by the processor's own means: the trap flag. So a
/// stop can be put between any two of them, whatever else the machine does.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[allow(unsafe_code)]
mod steps {
    use super::*;

    static LEFT: AtomicUsize = AtomicUsize::new(0);
    static PHASE: AtomicUsize = AtomicUsize::new(OFF);
    const OFF: usize = 0;
    const COUNTING: usize = 1;
    const FROZEN: usize = 2;
    const TRAP_FLAG: i64 = 0x100;
    const A_MOMENT: Duration = Duration::from_millis(20);

    /// After each instruction. Touches two atomic words, and the flag of the thread that it
    /// interrupts.
    extern "C" fn trapped(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
        let counts = PHASE.load(Ordering::SeqCst) == COUNTING;
        if counts && LEFT.fetch_sub(1, Ordering::SeqCst) == 1 {
            let _unless_off = PHASE.compare_exchange(COUNTING, FROZEN, Ordering::SeqCst, Ordering::SeqCst);
            // It may hold a lock of the allocator or of `parking_lot` that the other needs: then it
            // must go on.
            let since = Instant::now();
            while PHASE.load(Ordering::SeqCst) == FROZEN && since.elapsed() < A_MOMENT {
                std::hint::spin_loop();
            }
        }
        // SAFETY: the kernel hands the handler its context.
        let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
        let flags = &mut registers[libc::REG_EFL as usize];
        *flags =
            if PHASE.load(Ordering::SeqCst) == COUNTING { *flags | TRAP_FLAG } else { *flags & !TRAP_FLAG };
    }

    pub(crate) fn install() {
        // SAFETY: all-zero is a valid `sigaction`.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = trapped as extern "C" fn(_, _, _) as libc::sighandler_t;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        // SAFETY: the action is valid, and the old one is not asked for.
        assert_eq!(unsafe { libc::sigaction(libc::SIGTRAP, &raw const action, std::ptr::null_mut()) }, 0);
    }

    /// The next thread to call `begin` will stand still after so many instructions.
    pub(crate) fn prepare(count: usize) {
        LEFT.store(count, Ordering::SeqCst);
        PHASE.store(COUNTING, Ordering::SeqCst);
    }

    pub(crate) fn begin() {
        // SAFETY: the handler returns.
        unsafe { libc::raise(libc::SIGTRAP) };
    }

    /// Runs `f` when it stands still, or sleeps: then the answer is false.
    pub(crate) fn when_frozen(thread: u32, f: impl FnOnce()) -> bool {
        let asleep = || {
            let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap_or_default();
            stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S'))
        };
        let (mut left, mut looks) = (0, 0);
        while PHASE.load(Ordering::SeqCst) != FROZEN && !(looks > 100 && asleep()) {
            let now = LEFT.load(Ordering::SeqCst);
            looks = if now == left { looks + 1 } else { 0 };
            left = now;
            std::thread::yield_now();
        }
        f();
        PHASE.swap(OFF, Ordering::SeqCst) == FROZEN
    }
}

/// Elsewhere it just goes on, so the stop comes somewhere.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod steps {
    pub(crate) fn install() {}
    pub(crate) fn prepare(_: usize) {}
    pub(crate) fn begin() {}
    pub(crate) fn when_frozen(_: u32, f: impl FnOnce()) -> bool {
        f();
        true
    }
}

fn thread_id() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned()
}

/// Waiters are stopped after one instruction more than the one before, times `stride`, from the
/// condition to the wait. Each must end.
fn race(s: &Scope<'_, '_>, place: &Arc<Place>, stride: usize) -> Result {
    steps::install();
    let start = Instant::now();
    for count in (1..20_000).step_by(stride) {
        let (own, (tell, told)) = (place.clone(), bounded(1));
        steps::prepare(count);
        let waiter = s.context().spawn("racer", "is about to park", move |cx| {
            let (mut ready, mut asked) = (own.ready.lock(), 0);
            Ok(cx.wait_while(&own.changed, &mut ready, |ready| {
                // The second time it is about to park.
                asked += 1;
                if asked == 2 {
                    tell.send(thread_id()).expect("someone waits for it");
                    steps::begin();
                }
                !*ready
            })?)
        })?;
        let before_it_sleeps = steps::when_frozen(told.recv()?, || waiter.stop());
        if let Err(lost) = waiter.join_timeout(Duration::from_secs(20)) {
            place.set();
            let _woken = lost.join();
            return Err(format!("the stop after {count} instructions was missed").into());
        }
        if !before_it_sleeps {
            println!("{count} instructions from the condition to the wait, in {:?}", start.elapsed());
            return Ok(());
        }
    }
    Ok(())
}

#[test]
fn p5_no_stop_is_missed_between_the_look_and_the_wait() {
    // catches: a notification without the mutex that nobody repeats; a look for the stop before the
    // bell is open
    child_passes(|_| {
        scope(|s| race(s, &Arc::default(), 23)).unwrap();
        0
    });
}

#[test]
fn p5_no_stop_of_many_at_once_is_missed() {
    // catches: a waiter that counts for another pair after its bell was rung; a waiter that left
    // and counts for the ones that stay
    within(|| {
        let start = Instant::now();
        for round in (0..300).take_while(|_| start.elapsed() < A_TIME) {
            let places: Vec<_> = (0..4).map(|_| Place::default()).collect();
            let up = AtomicUsize::new(0);
            scope(|s| {
                for i in 0..12 {
                    let (place, up) = (&places[i % 4], &up);
                    s.spawn("waiter", "waits", move |cx| {
                        let mut ready = place.ready.lock();
                        up.fetch_add(1, Ordering::Relaxed);
                        // Three at each: one is ready soon, and leaves while the others are rung
                        // for.
                        cx.wait_while(&place.changed, &mut ready, |ready| !(*ready && i < 4))?;
                        Ok(())
                    })?;
                }
                while up.load(Ordering::Relaxed) < round % 13 {
                    std::thread::yield_now();
                }
                places[round % 4].set();
                s.stop();
                let report = s.shutdown(Duration::from_secs(20));
                if report.timeout > 0 {
                    for place in &places {
                        place.changed.notify_all();
                    }
                }
                Ok(assert_eq!(report.timeout, 0, "round {round}: {report}"))
            })
            .unwrap();
        }
    });
}

#[test]
fn a_mutex_that_is_held_for_long_holds_up_nobody_else() {
    // catches: a ringing thread that waits at one mutex while others could be had
    child_passes(|_| {
        let held: Vec<_> = (0..3).map(|_| Place::default()).collect();
        let result = scope(|s| {
            let late = held.iter().map(|place| spawn(s, place)).collect::<Result<Vec<_>>>()?;
            until_waiting(s, 3);
            let guards: Vec<_> = held.iter().map(|place| place.ready.lock()).collect();
            late.iter().for_each(Handle::stop);
            race(s, &Arc::default(), 31)?;
            assert!(late.iter().all(|handle| !handle.is_finished()));
            drop(guards);
            Ok(late.into_iter().for_each(assert_stopped))
        });
        result.unwrap();
        0
    });
}

#[test]
fn p5_no_stop_is_missed_under_a_registry() {
    // catches: doubts that *watch* does not get, or not in time
    child_passes(|_| {
        let held = Arc::new(Place::default());
        let exit = Registry::new("app").run(|s| {
            race(s, &Arc::default(), 31)?;
            let own = held.clone();
            let late = s.spawn("late", "cannot have its mutex", move |cx| Ok(own.wait(cx)?))?;
            until_waiting(s, 1);
            let guard = held.ready.lock();
            late.stop();
            race(s, &Arc::default(), 31)?;
            drop(guard);
            Ok(assert_stopped(late))
        });
        assert!(exit.result.is_ok(), "{:?}", exit.result);
        0
    });
}

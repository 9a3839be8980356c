//! Owns the moment in which a thread starts: a thread that the kernel lists before its first step,
//! and a thread that the kernel refuses. Both moments are made to last, because this binary stands
//! between std and the C library.
#![allow(clippy::incompatible_msrv)] // tests are built with a newer Rust than the library asks for
#![cfg(target_os = "linux")]
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

mod common;

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use common::subscriber::Told;
use common::{NEVER, child_passes, eventually, every_wait, gate, linger, pass, within};
use crossbeam_channel::unbounded;
use homebound::registry::{self, Registry, Signals};
use homebound::{ForeignThread, ThreadState, scope};

/// New threads are held before their first step.
static HELD: Mutex<bool> = Mutex::new(false);
static FREED: Condvar = Condvar::new();
/// How many are held now.
static WAITING: AtomicUsize = AtomicUsize::new(0);
/// While set, new threads are refused and counted, except for threads that the main thread starts,
/// which begin tests.
static REFUSES: AtomicBool = AtomicBool::new(false);
static REFUSALS: AtomicUsize = AtomicUsize::new(0);
/// The system takes its time: calls for a new thread do not return, but for those of the main
/// thread; and so many do not.
static SLOW: AtomicBool = AtomicBool::new(false);
static ASKING: AtomicUsize = AtomicUsize::new(0);

/// The settings above belong to the whole process, so tests that use them take turns.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

type Start = extern "C" fn(*mut c_void) -> *mut c_void;
type Create =
    unsafe extern "C" fn(*mut libc::pthread_t, *const libc::pthread_attr_t, Start, *mut c_void) -> c_int;

struct First {
    start: Start,
    arg: *mut c_void,
}

/// Called by std, because a symbol of the program goes before the same symbol of a library.
///
/// # Safety
/// The same as for the C library's function.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_create(
    thread: *mut libc::pthread_t,
    attr: *const libc::pthread_attr_t,
    start: Start,
    arg: *mut c_void,
) -> c_int {
    let is_main = std::process::id().cast_signed() == rustix::thread::gettid().as_raw_nonzero().get();
    if SLOW.load(Ordering::SeqCst) && !is_main {
        ASKING.fetch_add(1, Ordering::SeqCst);
        while SLOW.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        ASKING.fetch_sub(1, Ordering::SeqCst);
    }
    if REFUSES.load(Ordering::SeqCst) && !is_main {
        REFUSALS.fetch_add(1, Ordering::SeqCst);
        return libc::EAGAIN;
    }
    // SAFETY: the name ends with a NUL.
    let create = unsafe { libc::dlsym(libc::RTLD_NEXT, c"pthread_create".as_ptr()) };
    assert!(!create.is_null(), "the C library has it");
    // SAFETY: the C library's function has this type.
    let create = unsafe { std::mem::transmute::<*mut c_void, Create>(create) };
    let first = Box::into_raw(Box::new(First { start, arg })).cast();
    // SAFETY: the caller's arguments, with a function that runs the caller's function with its
    // argument.
    let refused = unsafe { create(thread, attr, begin, first) };
    if refused != 0 {
        // SAFETY: no thread has it.
        drop(unsafe { Box::from_raw(first.cast::<First>()) });
    }
    refused
}

extern "C" fn begin(first: *mut c_void) -> *mut c_void {
    // SAFETY: made above, for this call.
    #[allow(unsafe_code)]
    let First { start, arg } = *unsafe { Box::from_raw(first.cast::<First>()) };
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    WAITING.fetch_add(1, Ordering::SeqCst);
    while *held {
        held = FREED.wait(held).unwrap_or_else(PoisonError::into_inner);
    }
    WAITING.fetch_sub(1, Ordering::SeqCst);
    drop(held);
    start(arg)
}

fn hold(yes: bool) {
    *HELD.lock().unwrap() = yes;
    FREED.notify_all();
}

/// A thread that has not begun has the name of the thread that started it. Other tests have threads
/// of other names.
fn of_this_name(foreign: Vec<ForeignThread>) -> Vec<ForeignThread> {
    let own = std::fs::read_to_string("/proc/thread-self/comm").expect("Linux");
    foreign.into_iter().filter(|thread| !thread.before && thread.name == own.trim_end()).collect()
}

#[test]
fn p8_not_begun_is_not_foreign() {
    // catches: a thread of ours that has no owner until it has registered
    let _alone = alone();
    within(|| {
        let exit = registry::run(|s| {
            hold(true);
            let (first, second) =
                (s.spawn("first", "is held", |_| Ok(()))?, s.spawn("second", "too", |_| Ok(()))?);
            let held = of_this_name(s.snapshot().foreign);
            hold(false);
            first.join()?;
            second.join()?;
            Ok(assert!(held.is_empty(), "the two are ours: {held:?}"))
        });
        assert!(exit.result.is_ok(), "{:?}", exit.result);
    });
}

#[test]
fn p8_no_body_begins_before_the_internal_threads_have() {
    // catches: a registry's own thread that the body's snapshot takes for a foreign one, because it
    // has not registered yet
    let _alone = alone();
    within(|| {
        let (began, (close, open)) = (AtomicBool::new(false), gate());
        std::thread::scope(|around| {
            around.spawn(|| {
                pass(&open);
                // More than these two, where the test harness starts a thread of its own meanwhile.
                eventually("both are held", || WAITING.load(Ordering::SeqCst) >= 2);
                let early = began.load(Ordering::SeqCst);
                hold(false);
                assert!(!early, "the body waits for them");
            });
            // The thread above has begun: this is a rendezvous.
            close.send(()).expect("it waits");
            hold(true);
            let exit = registry::run(|s| {
                began.store(true, Ordering::SeqCst);
                Ok(assert!(of_this_name(s.snapshot().foreign).is_empty(), "they are ours"))
            });
            assert!(exit.result.is_ok(), "{:?}", exit.result);
        });
    });
}

#[test]
fn p8_begun_meanwhile_is_not_foreign() {
    // catches: a thread that registers after the list was made, and before the unregistered threads
    // are counted
    let _alone = alone();
    within(|| {
        let exit = registry::run(|s| {
            let (wait, waits) = unbounded();
            let (begin, begun) = unbounded();
            s.spawn("frees", "has it begin after a while", move |_| {
                begin.send(())?;
                for end in waits {
                    while Instant::now() < end {}
                    hold(false);
                }
                Ok(())
            })?;
            begun.recv()?;
            let start = Instant::now();
            for round in (0..).take_while(|_| start.elapsed() < Duration::from_secs(3)) {
                hold(true);
                let held = s.thread("held", "begins").dedicated().spawn(|_| Ok(()))?;
                // About when it is looked for the third time.
                wait.send(Instant::now() + Duration::from_micros(1_000 + 10 * (round % 300)))?;
                let seen = of_this_name(s.snapshot().foreign);
                held.join()?;
                assert!(seen.is_empty(), "{seen:?}, in round {round}");
            }
            Ok(())
        });
        hold(false);
        assert!(exit.result.is_ok(), "{:?}", exit.result);
    });
}

#[test]
fn s8_waits_end_with_their_context_though_the_system_refuses_the_timer_its_thread() {
    // catches: a waiter that does not keep the time of its own deadline or shield, but waits for
    // the thread that others need
    const SHORT: Duration = Duration::from_millis(50);
    // A listener to the signal has no thread that keeps the time for it. That is logged.
    let waits: Vec<_> = every_wait().into_iter().filter(|(kind, _)| *kind != "select").collect();
    let _alone = alone();
    within(move || {
        let stopped = scope(|s| {
            let (close, open) = gate();
            let (late, be_late) = unbounded();
            for (kind, wait) in waits.iter().copied() {
                let (open, late) = (open.clone(), late.clone());
                s.spawn(kind, "waits", move |cx| {
                    pass(&open);
                    assert!(cx.with_deadline(Instant::now() + SHORT, wait).is_err(), "at its deadline");
                    let ended = cx.shield(SHORT, |cx| {
                        late.send(()).expect("they are counted");
                        wait(cx)
                    });
                    Ok(assert!(ended.is_err(), "when its shield does"))
                })?;
            }
            // From inside, so that it only asks. With a grace that never ends, because all shields
            // would end with it.
            let (go, told) = gate();
            s.spawn("stops", "asks for the stop", move |cx| {
                let _disconnected = cx.recv(&told);
                Ok(drop(s.shutdown(NEVER)))
            })?;
            REFUSES.store(true, Ordering::SeqCst);
            drop(close);
            be_late.iter().take(waits.len()).for_each(drop);
            let waiting = |state: &ThreadState| matches!(state, ThreadState::Waiting { .. });
            eventually("all wait", || s.active_threads().iter().all(|t| waiting(&t.state)));
            Ok(drop(go))
        });
        REFUSES.store(false, Ordering::SeqCst);
        stopped.expect("each wait is ended by its context");
        assert_ne!(REFUSALS.load(Ordering::SeqCst), 0, "there was something to be refused");
    });
}

#[test]
fn p6_a_waiter_at_a_condvar_does_not_poll_though_another_starts_the_thread_that_rings() {
    // catches: a waiter that takes a starting thread for a missing one, and looks for the stop by
    // itself
    let _alone = alone();
    within(|| {
        let result = scope(|s| {
            let looks: Arc<[AtomicUsize; 2]> = Arc::default();
            let starts = |name: &'static str, place: usize| {
                let ((close, open), looks) = (gate(), Arc::clone(&looks));
                let waiter = s.spawn(name, "waits at a condvar", move |cx| {
                    pass(&open);
                    let (mutex, condvar) = (parking_lot::Mutex::new(()), parking_lot::Condvar::new());
                    let looks_again = |(): &mut ()| {
                        looks[place].fetch_add(1, Ordering::SeqCst);
                        true
                    };
                    Ok(cx.wait_while(&condvar, &mut mutex.lock(), looks_again)?)
                })?;
                Ok::<_, homebound::SpawnError>((waiter, close))
            };
            let ((_first, go_first), (_second, go_second)) = (starts("first", 0)?, starts("second", 1)?);
            SLOW.store(true, Ordering::SeqCst);
            drop(go_first);
            eventually("the first asks for a thread", || ASKING.load(Ordering::SeqCst) == 1);
            drop(go_second);
            eventually("the second looks", || looks[1].load(Ordering::SeqCst) > 0);
            // It would go on now.
            linger(50);
            SLOW.store(false, Ordering::SeqCst);
            let waits = |state: &ThreadState| matches!(state, ThreadState::Waiting { .. });
            eventually("both wait", || s.active_threads().iter().all(|thread| waits(&thread.state)));
            let seen = || looks.iter().map(|looks| looks.load(Ordering::SeqCst)).sum::<usize>();
            let before = seen();
            linger(400);
            let more = seen() - before;
            s.stop();
            // One of them may take its last look before it parks.
            Ok(assert!(more <= 2, "{more} looks, though nobody has notified"))
        });
        SLOW.store(false, Ordering::SeqCst);
        assert!(result.is_ok(), "{result:?}");
    });
}

#[test]
fn p7_watch_tells_nobody_that_the_system_refuses_a_thread() {
    // catches: a subscriber of the program's that runs on *watch*, where a stop that *watch* marks
    // reaches a root of its own, of a guest, which needs a thread that keeps the time
    let _alone = alone();
    child_passes(|_| {
        let (teller, tellers) = unbounded();
        let (is_in, stopper_is_in) = unbounded();
        let (let_go, may_go) = gate();
        let told = Told::new(move |line: &str| {
            if line.contains("forwarded") {
                is_in.send(()).expect("the body waits");
                pass(&may_go);
            } else if line.contains("no thread for the timer") {
                let name = std::thread::current().name().unwrap_or_default().to_owned();
                teller.send(name).expect("the body waits");
            }
        });
        tracing::subscriber::set_global_default(told).expect("it is the first");
        let (to, _forwarded) = unbounded();
        let signals = Signals::default().forward(libc::SIGUSR1, to);
        let exit = Registry::new("refused").signals(signals).run(|s| {
            let hook = s.context().clone();
            let ((ready, is_ready), (over, is_over)) = (unbounded(), gate());
            let guest = std::thread::spawn(move || {
                let _guest = hook.adopt_guest("guest", "opens a root of its own");
                let own_root = scope(|own| {
                    own.spawn("shielded", "listens to the end of its shield", move |cx| {
                        cx.shield(NEVER, |cx| {
                            let _listens = cx.stop_signal();
                            ready.send(()).expect("the body waits");
                            pass(&is_over);
                        });
                        Ok(())
                    })?;
                    Ok(())
                });
                own_root.expect("nothing fails");
            });
            is_ready.recv()?;
            REFUSES.store(true, Ordering::SeqCst);
            // SAFETY: it has no preconditions.
            #[allow(unsafe_code)]
            let raise = |signal| registry::unblocked(|| assert_eq!(unsafe { libc::raise(signal) }, 0));
            raise(libc::SIGUSR1);
            stopper_is_in.recv()?;
            // *stopper* is in the subscriber, so *watch* marks.
            raise(libc::SIGTERM);
            s.context().wait_for_stop();
            eventually("it is refused", || REFUSALS.load(Ordering::SeqCst) > 0);
            drop(let_go);
            assert_eq!(tellers.recv()?, "homebound-stopper");
            REFUSES.store(false, Ordering::SeqCst);
            drop(over);
            guest.join().expect("it ends well");
            Ok(())
        });
        i32::from(exit.code())
    });
}

//! P7 where *watch* itself could hang: a thread sits in the allocator with its lock held. The
//! allocator is this binary's own; each scenario runs in a re-executed child.
#![allow(clippy::incompatible_msrv)] // tests are built with a newer Rust than the library asks for
#![allow(unsafe_code)] // an allocator has no safe form

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use common::*;
use homebound::registry::{OnOverdue, Registry};
use homebound::{Result, Role, Scope};

/// One lock for all, as in a program's own allocator or a debugging one.
struct OneLock;

/// The grace of most runs, and the time from its end to the end of the process.
const BRIEF: Duration = Duration::from_millis(300);

static HELD: AtomicBool = AtomicBool::new(false);
/// The kernel's id of a thread that may not allocate any more; 0: none.
static DRY: AtomicU32 = AtomicU32::new(0);
/// The kernel's id of a thread that does not come back from one of its next allocations, 0: none;
/// how many are left until then, and whether it has the lock of the allocator there.
static VICTIM: AtomicU32 = AtomicU32::new(0);
static LEFT: AtomicU32 = AtomicU32::new(0);
static WITH_LOCK: AtomicBool = AtomicBool::new(false);
/// A request for this many bytes never returns, and holds the lock.
const FOR_EVER: usize = 54_321;

// SAFETY: `System` does the work.
unsafe impl GlobalAlloc for OneLock {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let dry = DRY.load(Ordering::Relaxed);
        // SAFETY: it has no preconditions.
        if dry != 0 && dry.cast_signed() == unsafe { libc::gettid() } {
            DRY.store(0, Ordering::Relaxed);
            let _ = rustix::io::write(rustix::stdio::stderr(), b"it has allocated\n");
            std::process::abort();
        }
        let victim = VICTIM.load(Ordering::Relaxed);
        // SAFETY: it has no preconditions.
        let is_victim = victim != 0 && victim.cast_signed() == unsafe { libc::gettid() };
        if is_victim && LEFT.fetch_sub(1, Ordering::Relaxed) == 1 {
            HELD.fetch_or(WITH_LOCK.load(Ordering::Relaxed), Ordering::Relaxed);
            loop {
                // SAFETY: it has no preconditions.
                unsafe { libc::pause() };
            }
        }
        while HELD.swap(true, Ordering::Acquire) {
            std::thread::yield_now();
        }
        while layout.size() == FOR_EVER {
            // SAFETY: it has no preconditions.
            unsafe { libc::pause() };
        }
        // SAFETY: the caller's promise.
        let place = unsafe { System.alloc(layout) };
        HELD.store(false, Ordering::Release);
        place
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(place, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: OneLock = OneLock;

fn take_the_lock_for_ever() {
    std::hint::black_box(vec![0_u8; FOR_EVER]);
}

/// From now on *watch* may not allocate.
fn dry_up() {
    let snapshot = homebound::registry::snapshot().expect("a registry runs");
    let watch = snapshot.root.threads.iter().find(|thread| thread.name == "homebound-watch");
    let id = watch.filter(|watch| watch.role == Role::Internal).and_then(|watch| watch.os_tid);
    DRY.store(id.expect("it has told who it is"), Ordering::Relaxed);
}

#[test]
fn after_its_start_watch_does_not_allocate() {
    // catches: a wait, a list or a message of watch's that takes memory, whose lock somebody may
    // hold for ever
    fn scenario(how: &str) -> i32 {
        let exit = Registry::new("dry").run(|s| {
            dry_up();
            let cx = s.context();
            s.service("service", "is stopped last", until_stopped)?;
            // Timers: a deadline that comes, and a shield over the stop.
            let at = Instant::now() + Duration::from_millis(5);
            cx.with_deadline(at, |cx| assert!(cx.stop_signal().recv().is_err()));
            s.spawn("shielded", "is told late", |cx| {
                cx.shield(Duration::from_millis(5), |cx| assert!(cx.stop_signal().recv().is_err()));
                Ok(())
            })?;
            match how {
                // SAFETY: it has no preconditions.
                "signal" => assert_eq!(unsafe { libc::raise(libc::SIGTERM) }, 0),
                _ => s.stop(),
            }
            cx.wait_for_stop();
            Ok(())
        });
        DRY.store(0, Ordering::Relaxed);
        i32::from(exit.code())
    }
    for how in ["signal", "call"] {
        child_passes_with(how, scenario);
    }
}

fn stuck_allocator(how: &str) -> i32 {
    let overdue = if how == "abort" { OnOverdue::Abort } else { OnOverdue::Exit(71) };
    let grace = if how == "second" { NEVER } else { BRIEF };
    let root = Registry::new("heap").grace(grace).kill_after(BRIEF).on_overdue(overdue);
    let body = |s: &Scope<'_, '_>| -> Result {
        let (to, is_in) = std::io::pipe().map(|(read, write)| (write, read))?;
        s.spawn("victim", "never comes out of the allocator", move |_| {
            rustix::io::write(&to, b".")?;
            take_the_lock_for_ever();
            Ok(())
        })?;
        rustix::io::read(&is_in, &mut [0])?;
        if how == "taken" {
            // SAFETY: to ignore needs no handler.
            unsafe { libc::signal(libc::SIGRTMAX(), libc::SIG_IGN) };
        }
        rustix::io::write(rustix::stdio::stdout(), b"\n<stuck>\n")?;
        // Deaf, and in no call that allocates.
        loop {
            // SAFETY: it has no preconditions.
            unsafe { libc::pause() };
        }
    };
    i32::from(root.run(body).code())
}

#[test]
fn a_stop_with_the_allocator_locked_ends_the_process_in_time_and_names_the_thread() {
    // catches: last words that hang with nobody behind them; a timer whose signal somebody else has
    // taken
    for (how, code) in [("exit", Some(71)), ("abort", None), ("taken", Some(71))] {
        let mut child = child(how, stuck_allocator);
        child.until("stuck").signal(libc::SIGTERM);
        let done = child.finish();
        assert_eq!((done.code, done.signal.is_some()), (code, how == "abort"), "{done:#?}");
        assert!(done.took > 2 * BRIEF, "too early: {done:#?}");
        assert!(done.err.contains("victim"), "{done:#?}");
    }
}

#[test]
fn a_second_signal_with_the_allocator_locked_ends_the_process() {
    // catches: a second signal that only a healthy watch hears
    let mut child = child("second", stuck_allocator);
    child.until("stuck").signal(libc::SIGQUIT).signal(libc::SIGINT);
    linger(650);
    child.signal(libc::SIGINT);
    let done = child.finish();
    assert_eq!(done.code, Some(130), "{done:#?}");
}

/// `how`: which thread stops the root, in which of its allocations the victim is stuck, and whether
/// it has the allocator's lock there.
fn stuck_in_a_list(how: &str) -> i32 {
    let [stops, nth, allocator] = how.split(' ').collect::<Vec<_>>().try_into().expect("three words");
    WITH_LOCK.store(allocator == "locked", Ordering::Relaxed);
    let root = Registry::new("list").grace(BRIEF).kill_after(BRIEF).on_overdue(OnOverdue::Exit(71));
    let through = &AtomicBool::new(false);
    let exit = root.run(|s| {
        s.spawn("victim", "enters something into a list of the root", move |_| {
            LEFT.store(nth.parse()?, Ordering::Relaxed);
            // SAFETY: it has no preconditions.
            VICTIM.store(unsafe { libc::gettid() }.cast_unsigned(), Ordering::Relaxed);
            s.defer("late", || Ok(()));
            VICTIM.store(0, Ordering::Relaxed);
            through.store(true, Ordering::Relaxed);
            Ok(())
        })?;
        // In no call that allocates.
        while !through.load(Ordering::Relaxed)
            && (VICTIM.load(Ordering::Relaxed) == 0 || LEFT.load(Ordering::Relaxed) != 0)
        {
            std::thread::yield_now();
        }
        match stops {
            _ if through.load(Ordering::Relaxed) => {}
            "stop" => s.stop(),
            "shutdown" => drop(s.shutdown(BRIEF)),
            _ => return Err(boom("fails")),
        }
        Ok(())
    });
    i32::from(exit.code())
}

#[test]
fn a_stop_ends_the_process_though_a_thread_is_stuck_that_holds_the_lock_of_the_root() {
    // catches: a stop whose clock begins when the root's lock is had, or after the stop has taken
    // memory
    let ways = [("stop", "free"), ("stop", "locked"), ("shutdown", "free"), ("failure", "free")];
    for (stops, allocator) in ways {
        let run = |nth: &u32| in_child(&format!("{stops} {nth} {allocator}"), stuck_in_a_list);
        let stuck: Vec<_> = (1..).map(|nth| run(&nth)).take_while(|done| done.code != Some(0)).collect();
        assert!(stuck.len() > 1, "one of them is under the lock");
        for done in stuck {
            assert_eq!(done.code, Some(71), "{stops}, {allocator}: {done:#?}");
            assert!(done.err.contains("victim"), "{stops}, {allocator}: {done:#?}");
        }
    }
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the drop of a value panics");
    }
}

/// `how`: in what way a member of the group fails, and in which of its allocations the victim is
/// stuck.
fn stuck_in_a_group(how: &str) -> i32 {
    let (fails, nth) = how.split_once(' ').expect("two words");
    let root = Registry::new("list").grace(BRIEF).kill_after(BRIEF).on_overdue(OnOverdue::Exit(71));
    let through = &AtomicBool::new(false);
    let exit = root.run(|s| {
        let group = Arc::new(s.group("group")?);
        // In no call that allocates.
        let wait = || {
            while !through.load(Ordering::Relaxed)
                && (VICTIM.load(Ordering::Relaxed) == 0 || LEFT.load(Ordering::Relaxed) != 0)
            {
                std::thread::yield_now();
            }
        };
        let works = group.spawn("works", "returns a value whose drop panics", |_| Ok(Bomb))?;
        group.spawn("failing", "fails when the victim is stuck", move |_| -> Result {
            wait();
            if fails == "error" && !through.load(Ordering::Relaxed) { Err(boom("fails")) } else { Ok(()) }
        })?;
        while !works.is_finished() {
            std::thread::yield_now();
        }
        let victims = Arc::clone(&group);
        group.spawn("victim", "enters something into a list of the group", move |_| {
            LEFT.store(nth.parse()?, Ordering::Relaxed);
            // SAFETY: it has no preconditions.
            VICTIM.store(unsafe { libc::gettid() }.cast_unsigned(), Ordering::Relaxed);
            victims.defer("late", || Ok(()));
            VICTIM.store(0, Ordering::Relaxed);
            through.store(true, Ordering::Relaxed);
            Ok(())
        })?;
        wait();
        if fails == "drop" && !through.load(Ordering::Relaxed) {
            drop(works);
        } else {
            works.join().map(std::mem::forget)?;
        }
        Ok(())
    });
    i32::from(exit.code())
}

/// A stop with a long grace, then a `shutdown` with a short one, while `nth` has the victim stuck.
fn stopped_twice(nth: &str) -> i32 {
    let root = Registry::new("list").grace(NEVER).kill_after(BRIEF).on_overdue(OnOverdue::Exit(71));
    let through = &AtomicBool::new(false);
    let exit = root.run(|s| {
        // Before the victim, which may get stuck with the lock that a spawn takes.
        let ((begin, begins), (go, told)) = (gate(), gate());
        s.spawn("stops", "may get no further than the announcement", move |_| {
            pass(&told);
            drop(begin);
            s.stop();
            Ok(())
        })?;
        s.spawn("victim", "enters something into a list of the root", move |_| {
            LEFT.store(nth.parse()?, Ordering::Relaxed);
            // SAFETY: it has no preconditions.
            VICTIM.store(unsafe { libc::gettid() }.cast_unsigned(), Ordering::Relaxed);
            s.defer("late", || Ok(()));
            VICTIM.store(0, Ordering::Relaxed);
            through.store(true, Ordering::Relaxed);
            Ok(())
        })?;
        // In no call that allocates.
        while !through.load(Ordering::Relaxed)
            && (VICTIM.load(Ordering::Relaxed) == 0 || LEFT.load(Ordering::Relaxed) != 0)
        {
            std::thread::yield_now();
        }
        drop(go);
        pass(&begins);
        linger(100);
        drop(s.shutdown(BRIEF));
        Ok(())
    });
    i32::from(exit.code())
}

#[test]
fn the_earliest_end_of_two_stops_holds_though_no_stop_gets_the_lock_of_the_root() {
    // catches: a stop that was announced first and has the longer grace
    let run = |nth: &u32| in_child(&nth.to_string(), stopped_twice);
    let stuck: Vec<_> = (1..).map(|nth| run(&nth)).take_while(|done| done.code != Some(0)).collect();
    assert!(stuck.len() > 1, "one of them is under the lock");
    for done in stuck {
        assert_eq!(done.code, Some(71), "{done:#?}");
    }
}

#[test]
fn a_failure_ends_the_process_though_a_thread_is_stuck_that_holds_the_lock_of_a_group() {
    // catches: a failure that is announced to the root only when the lock of a group was had; last
    // words that name nobody
    for fails in ["error", "drop"] {
        let run = |nth: &u32| in_child(&format!("{fails} {nth}"), stuck_in_a_group);
        let stuck: Vec<_> = (1..).map(|nth| run(&nth)).take_while(|done| done.code != Some(0)).collect();
        assert!(stuck.len() > 1, "one of them is under the lock");
        for done in stuck {
            assert_eq!(done.code, Some(71), "{fails}: {done:#?}");
            // A group that is locked is shown without its threads, and the kernel's list has them.
            assert!(done.err.contains("victim"), "{fails}: {done:#?}");
        }
    }
}

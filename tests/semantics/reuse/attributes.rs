//! A new job finds its OS thread as the root began: no attribute of the last job stays.
#![allow(unsafe_code)] // masks, prctl and the rounding mode have no safe form

use super::*;

#[link(name = "m")]
unsafe extern "C" {
    fn fegetround() -> libc::c_int;
    fn fesetround(mode: libc::c_int) -> libc::c_int;
}

/// Rounds up: FE_UPWARD.
const UPWARD: libc::c_int = if cfg!(target_arch = "x86_64") { 0x800 } else { 0x40_0000 };

/// All of it, as the calling thread has it.
#[derive(Debug, PartialEq)]
pub(super) struct Seen {
    blocked: Vec<libc::c_int>,
    pub(super) processors: Vec<usize>,
    slack: u64,
    rounding: libc::c_int,
    nice: i32,
    name: String,
}

pub(super) fn look() -> Seen {
    // SAFETY: all-zero is a valid set.
    let mut mask: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: a null set only asks.
    assert_eq!(unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &mut mask) }, 0);
    let processors = rustix::thread::sched_getaffinity(None).unwrap();
    Seen {
        // SAFETY: the set is valid.
        blocked: (1..32).filter(|signal| unsafe { libc::sigismember(&mask, *signal) } == 1).collect(),
        processors: (0..1024).filter(|cpu| processors.is_set(*cpu)).collect(),
        slack: rustix::thread::current_timer_slack().unwrap(),
        // SAFETY: it has no preconditions.
        rounding: unsafe { fegetround() },
        nice: rustix::process::getpriority_process(None).unwrap(),
        name: std::fs::read_to_string("/proc/thread-self/comm").unwrap(),
    }
}

/// Changes what each job begins anew with.
pub(super) fn change() {
    // SAFETY: all-zero is a valid set.
    let mut mask: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is valid, and the number a signal.
    assert_eq!(unsafe { libc::sigaddset(&mut mask, libc::SIGUSR2) }, 0);
    // SAFETY: the set is valid.
    assert_eq!(unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &mask, std::ptr::null_mut()) }, 0);
    // SAFETY: the mode is a valid one.
    assert_eq!(unsafe { fesetround(UPWARD) }, 0);
    rustix::thread::set_name(c"another").unwrap();
}

/// Changes the rest of what a new thread inherits, but the nice value.
pub(super) fn change_more() {
    let last = *look().processors.last().unwrap();
    let mut one = rustix::thread::CpuSet::new();
    one.set(last);
    rustix::thread::sched_setaffinity(None, &one).unwrap();
    rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(123_456)).unwrap();
}

#[test]
fn c1_what_a_job_has_made_of_its_thread_is_taken_back() {
    // catches: a job that rounds up, is deaf or misnamed since the one before it was
    within(|| {
        scope(|s| {
            let before = s.spawn("same", "looks", |_| Ok((thread::current().id(), look())))?.join()?;
            let changed = s.spawn("same", "changes something", |_| {
                change();
                Ok((thread::current().id(), look()))
            })?;
            let changed = changed.join()?;
            assert_eq!(changed.0, before.0, "it is warm");
            assert!(changed.1 != before.1 && changed.1.blocked.contains(&libc::SIGUSR2));
            let after = s.spawn("same", "looks", |_| Ok((thread::current().id(), look())))?.join()?;
            Ok(assert_eq!(after, before))
        })
        .unwrap();
    });
}

#[test]
fn a12_an_os_thread_begins_as_the_root_did_whoever_spawned_it() {
    // catches: a thread, and all that descend from it, that has what its spawner has made of itself
    within(|| {
        scope(|s| {
            let new =
                |cx: &Context| -> Result<Seen> { Ok(cx.spawn("new", "looks", |_| Ok(look()))?.join()?) };
            let before = s.spawn("new", "looks", |_| Ok(look()))?.join()?;
            let (inner, dedicated) = s
                .spawn("changes", "changes all, and spawns", move |cx| {
                    change();
                    change_more();
                    // The first takes the warm one, which is busy then: the next is new.
                    let (hold, held) = crossbeam_channel::bounded::<()>(0);
                    let warm = cx.spawn("new", "is in the way", move |_| {
                        let _let_go = held.recv();
                        Ok(())
                    })?;
                    let inner = new(cx)?;
                    drop(hold);
                    warm.join()?;
                    let dedicated = cx.thread("new", "looks").dedicated().spawn(|_| Ok(look()))?;
                    Ok((inner, dedicated.join()?))
                })?
                .join()?;
            assert_eq!(inner, before);
            Ok(assert_eq!(dedicated, before))
        })
        .unwrap();
    });
}

#[test]
fn a12_a_thread_of_a_niced_spawner_is_as_nice_as_the_root_or_not_used_again() {
    // catches: a background thread whose descendants are in the background for ever, and hand that
    // on as warm threads
    within(|| {
        scope(|s| {
            let nice = look().nice;
            let inherited = s
                .spawn("niced", "steps back, and spawns", move |cx| {
                    rustix::process::setpriority_process(None, nice + 3)?;
                    let born = cx.spawn("born", "looks", |_| Ok((thread::current().id(), look().nice)))?;
                    Ok(born.join()?)
                })?
                .join()?;
            let next = s.spawn("born", "looks", |_| Ok((thread::current().id(), look().nice)))?.join()?;
            assert_eq!(next.1, nice, "it was spawned by a thread that is not niced");
            // Only with privileges can a nice value be taken back.
            let taken_back = inherited.1 == nice;
            assert!(taken_back || inherited.1 == nice + 3);
            Ok(assert_eq!(next.0 == inherited.0, taken_back))
        })
        .unwrap();
    });
}

//! A12 and C1 for threads with a priority of their own: what the kernel says of them, what
//! their status says, what they hand on, and which thread starts their children.
//! Refuses to test what the kernel makes of it. Scenarios that must not have privileges give them
//! up in a child process.
#![allow(unsafe_code)] // setresuid has no safe form that is for the whole process

use std::io::ErrorKind;
use std::sync::atomic::AtomicBool;

use homebound::{Priority, Role, SpawnError, ThreadStatus};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::*;
use crate::common::subscriber::Told;
use crate::common::{all_threads, os_threads};

/// Gives up all privileges of the process. With these, the calling thread first gets the nice value
/// 0, because the tests themselves may run with `nice`.
fn nobody() {
    let _only_with_privileges = rustix::process::setpriority_process(None, 0);
    // SAFETY: it has no preconditions.
    let refused = unsafe { libc::setresuid(65534, 65534, 65534) };
    assert!(refused == 0 || !rustix::process::getuid().is_root());
}

/// Makes the system refuse every new thread to a process without privileges. Returns what to set
/// to end that.
fn refuse_threads() -> Rlimit {
    let before = getrlimit(Resource::Nproc);
    setrlimit(Resource::Nproc, Rlimit { current: Some(0), maximum: before.maximum }).unwrap();
    before
}

/// Nice value and policy of the calling thread, as the kernel lists them.
fn scheduling() -> (i32, u32) {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    // Without the first two fields, pid and name: nice is the 19th, policy the 41st.
    (fields[16].parse().unwrap(), fields[38].parse().unwrap())
}

/// Ten steps nicer, as far as there are steps: the tests themselves may run with `nice`.
fn lower(nice: i32) -> i32 {
    (nice + 10).min(19)
}

const BATCH: u32 = libc::SCHED_BATCH as u32;

/// What the tree says of the thread that runs `cx`.
pub(super) fn status(s: &Scope<'_, '_>, cx: &Context) -> ThreadStatus {
    s.active_threads().into_iter().find(|thread| thread.id == cx.id()).expect("it is live")
}

/// The internal threads of a snapshot that start threads for others.
fn makers(s: &Scope<'_, '_>) -> Vec<ThreadStatus> {
    let threads = all_threads(&s.snapshot()).into_iter();
    threads.filter(|thread| thread.role == Role::Internal && thread.name.contains("maker")).collect()
}

#[test]
fn a12_background_is_nicer_without_privileges_and_its_thread_is_used_for_nothing_else() {
    // catches: a priority that needs privileges, that is not set, or that the next job inherits
    child_passes(|_| {
        nobody();
        scope(|s| {
            let (nice, policy) = scheduling();
            let work = |cx: &Context| Ok((scheduling(), status(s, cx), thread::current().id()));
            let index = s.thread("index", "reads all again").priority(Priority::Background).spawn(work)?;
            let (found, status, id) = index.join()?;
            assert_eq!(found, (lower(nice), BATCH));
            let priority = status.priority;
            assert_eq!((priority.asked, priority.applied), (Priority::Background, Priority::Background));
            assert_eq!((priority.why, status.cores), (None, None));
            let (found, status, next) = s.spawn("index", "is as all others", work)?.join()?;
            assert_eq!((found, status.priority), ((nice, policy), Default::default()));
            assert_ne!(next, id, "no reuse");
            // Nor does a warm thread of the name take a background job.
            let index = s.thread("index", "reads all again").priority(Priority::Background).spawn(work)?;
            assert_eq!(index.join()?.0, (lower(nice), BATCH));
            Ok(())
        })
        .unwrap();
        0
    });
}

#[test]
fn a12_critical_without_privileges_runs_as_normal_and_says_why() {
    // catches: a spawn that is refused for its priority; a status that says what was asked for
    child_passes(|_| {
        nobody();
        scope(|s| {
            let before = scheduling();
            let sound = s.thread("sound", "fills the buffer").priority(Priority::Critical);
            let sound = sound.spawn(|cx| Ok((scheduling(), status(s, cx), s.dump_status())))?;
            let (found, status, dump) = sound.join()?;
            assert_eq!(found, before);
            let priority = status.priority;
            assert_eq!((priority.asked, priority.applied), (Priority::Critical, Priority::Normal));
            assert_eq!(priority.why, Some(ErrorKind::PermissionDenied));
            assert!(dump.contains("priority normal, not critical (permission denied)"), "{dump}");
            Ok(())
        })
        .unwrap();
        0
    });
}

#[test]
fn a12_critical_with_privileges_is_less_nice() {
    // catches: a step in the wrong direction; siblings of a critical thread that are critical, too
    within(|| {
        if !rustix::process::getuid().is_root() {
            return;
        }
        scope(|s| {
            let before = scheduling();
            let sound = s.thread("sound", "fills the buffer").priority(Priority::Critical).spawn(|cx| {
                let born = cx.spawn("born", "looks", |_| Ok(scheduling()))?.join()?;
                Ok((scheduling(), status(s, cx).priority, born))
            })?;
            let (found, priority, born) = sound.join()?;
            assert_eq!(found, ((before.0 - 10).max(-20), before.1));
            assert_eq!((priority.applied, priority.why), (Priority::Critical, None));
            Ok(assert_eq!(born, before))
        })
        .unwrap();
    });
}

/// A background thread that spawns a thread of each kind; returns what they found.
fn children(cx: &Context) -> Result<Vec<(i32, u32)>> {
    let look = |_: &Context| Ok(scheduling());
    let plain = cx.spawn("plain", "looks", look)?.join()?;
    let dedicated = cx.thread("dedicated", "looks").dedicated().spawn(look)?.join()?;
    let below = cx.subscope("below", |below| Ok(below.spawn("below", "looks", look)?.join()?))?;
    let lower = cx.thread("lower", "looks").priority(Priority::Background).spawn(look)?.join()?;
    Ok(vec![plain, dedicated, below, lower])
}

#[test]
fn a12_what_a_background_thread_spawns_is_as_the_root_in_a_standalone_root() {
    // catches: children of a low thread that are low for ever; a maker that is started without
    // need, once a thread, or left behind
    child_passes(|_| {
        nobody();
        let before = os_threads();
        let clean = scope(|s| {
            let (nice, policy) = scheduling();
            s.spawn("plain", "is no reason for a maker", |_| Ok(()))?.join()?;
            assert!(makers(s).is_empty());
            for _ in 0..3 {
                let low = s.thread("low", "spawns").priority(Priority::Background).spawn(children)?.join()?;
                let normal = (nice, policy);
                assert_eq!(low, [normal, normal, normal, (lower(nice), BATCH)]);
                let [maker] = &makers(s)[..] else { panic!("one maker: {}", s.snapshot()) };
                assert_eq!(maker.priority, Default::default());
                assert!(s.active_threads().iter().all(|thread| !thread.name.contains("maker")));
            }
            let report = s.shutdown(crate::common::NEVER);
            assert_eq!((report.total, report.timeout), (0, 0), "an internal thread is not counted");
            Ok(())
        });
        eventually("it is joined", || os_threads() == before);
        i32::from(clean.is_err())
    });
}

#[test]
fn a12_the_maker_of_a_registry_is_known_to_the_audit_and_joined() {
    // catches: a maker that counts as foreign or orphaned, and threads of it that do
    child_passes(|_| {
        nobody();
        let before = os_threads();
        let exit = registry::run(|s| {
            let foreign = s.snapshot().foreign.len();
            let nice = scheduling().0;
            let low = s.thread("low", "spawns").priority(Priority::Background).service(move |cx| {
                assert_eq!(children(cx)?[0].0, nice);
                cx.wait_for_stop();
                Ok(())
            })?;
            eventually("the maker is there", || makers(s).len() == 1);
            eventually("nobody is foreign", || s.snapshot().foreign.len() == foreign);
            drop(low);
            Ok(())
        });
        assert_eq!((exit.shutdown.orphaned, exit.shutdown.timeout), (0, 0), "{}", exit.shutdown);
        eventually("it is joined", || os_threads() == before);
        i32::from(exit.code())
    });
}

#[test]
fn a12_many_background_threads_may_spawn_and_end_at_once() {
    // catches: two makers, a request that is lost, a root that ends while its maker is asked
    child_passes(|_| {
        nobody();
        let before = os_threads();
        for _ in 0..30 {
            scope(|s| {
                let nice = scheduling().0;
                for _ in 0..8 {
                    s.thread("low", "spawns").priority(Priority::Background).spawn(move |cx| {
                        let made: Vec<_> =
                            (0..4).map(|_| cx.spawn("made", "looks", |_| Ok(scheduling().0))).collect();
                        for made in made {
                            assert_eq!(made?.join()?, nice);
                        }
                        Ok(())
                    })?;
                }
                Ok(())
            })
            .unwrap();
            eventually("all are gone", || os_threads() == before);
        }
        0
    });
}

/// Tells by which thread it was dropped.
struct Dropped(std::sync::mpsc::Sender<ThreadId>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _told = self.0.send(thread::current().id());
    }
}

#[test]
fn a12_a_refusal_reaches_the_spawner_that_the_maker_asked_for() {
    // catches: a refused thread that the spawner waits for; a closure that the maker drops
    child_passes(|_| {
        nobody();
        scope(|s| {
            let low = s.thread("low", "spawns").priority(Priority::Background).spawn(|cx| {
                let before = refuse_threads();
                let (tell, told) = std::sync::mpsc::channel();
                let captured = Dropped(tell);
                let refused = cx.spawn("refused", "is not to be", move |_| Ok(drop(captured)));
                assert!(matches!(refused, Err(SpawnError::Os(_))), "{refused:?}");
                assert_eq!(told.try_recv(), Ok(thread::current().id()), "it is dropped here, and by now");
                setrlimit(Resource::Nproc, before)?;
                Ok(cx.spawn("next", "is", |_| Ok(()))?.join()?)
            })?;
            Ok(low.join()?)
        })
        .unwrap();
        0
    });
}

static REFUSED: AtomicBool = AtomicBool::new(false);

#[test]
fn a12_without_a_maker_the_program_goes_on_and_says_so() {
    // catches: a spawn that is refused because of the maker; a low thread that is shown as normal,
    // or used again; a maker that is never tried again
    child_passes(|_| {
        nobody();
        let before = refuse_threads();
        // The log of the refusal comes before the thread itself is asked for.
        let log = Told::new(move |line: &str| {
            if line.contains("no thread to start threads") {
                setrlimit(Resource::Nproc, before).unwrap();
                REFUSED.store(true, Ordering::SeqCst);
            }
        });
        tracing::subscriber::with_default(log, || {
            scope(|s| {
                let nice = scheduling().0;
                let low = || s.thread("low", "spawns").priority(Priority::Background);
                let look =
                    |cx: &Context| Ok((scheduling().0, status(s, cx).priority, thread::current().id()));
                let born = low().spawn(move |_| Ok(s.spawn("born", "looks", look)?.join()?))?.join()?;
                assert!(REFUSED.load(Ordering::SeqCst) && makers(s).is_empty());
                assert_eq!(born.0, lower(nice), "inherited");
                assert_eq!((born.1.asked, born.1.applied), (Priority::Normal, Priority::Background));
                assert_eq!(born.1.why, Some(ErrorKind::PermissionDenied));
                let next = s.spawn("born", "looks", look)?.join()?;
                assert_eq!((next.0, next.1), (nice, Default::default()));
                assert_ne!(next.2, born.2, "no reuse");
                let born = low().spawn(move |_| Ok(s.spawn("born2", "looks", look)?.join()?))?.join()?;
                assert_eq!((born.0, makers(s).len()), (nice, 1), "it is there now");
                Ok(())
            })
        })
        .unwrap();
        0
    });
}

#[test]
fn a12_a_thread_that_was_niced_by_hand_is_not_helped_and_its_children_are_shown() {
    // catches: a status that says what was asked for, and not what is
    child_passes(|_| {
        nobody();
        scope(|s| {
            let (nice, _) = scheduling();
            if nice + 3 > 19 {
                return Ok(());
            }
            let born = s.spawn("niced", "steps back, and spawns", move |_| {
                rustix::process::setpriority_process(None, nice + 3)?;
                Ok(s.spawn("born", "looks", |cx| Ok((scheduling().0, status(s, cx).priority)))?.join()?)
            })?;
            let (found, priority) = born.join()?;
            assert_eq!((found, priority.applied), (nice + 3, Priority::Background));
            assert_eq!(priority.why, Some(ErrorKind::PermissionDenied));
            Ok(())
        })
        .unwrap();
        0
    });
}

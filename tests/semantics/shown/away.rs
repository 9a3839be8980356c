//! Owns the view of a person in trouble on threads that do not come home: the state of each, the
//! thread that it waits for, and its name.
//! Refuses to pin the layout: it looks for the words that a reader looks for.
#![cfg(target_os = "linux")]
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::cell::RefCell;
use std::io::Read;
use std::time::Duration;

use crossbeam_channel::Receiver;
use homebound::registry::{self, Registry};
use homebound::{Ending, OnOverdue, Result, Scope, ShutdownReport, Snapshot, ThreadState, scope};
use libc::{SIGQUIT, SIGTERM};

use crate::common::{
    NEVER, all_threads, child, eventually, gate, in_child, linger, pass, say, until_stopped,
};

const SHORT: Duration = Duration::from_millis(200);

/// One thread for each way to be away: in a call, in a lock of its own, on a processor, in a join,
/// in a wait of ours.
fn everybody(s: &Scope<'_, '_>, never: &Receiver<()>) -> Result {
    let (mut reader, writer) = std::io::pipe()?;
    s.spawn("reader", "reads a pipe", move |_| {
        let _keep = writer;
        Ok(reader.read_exact(&mut [0])?)
    })?;
    let gate = never.clone();
    let locked = s.spawn("locked", "waits for a channel, unseen", move |_| Ok(pass(&gate)))?;
    let gate = never.clone();
    s.spawn("marked", "says that it waits", move |cx| {
        Ok(cx.with_on_stop(|| say("told"), || cx.waiting("its gate", || pass(&gate))))
    })?;
    s.spawn("loop", "computes", |_| -> Result {
        loop {
            std::hint::spin_loop();
        }
    })?;
    s.spawn("joiner", "joins one that does not end", move |_| Ok(locked.join()?))?;
    s.service("clerk", "listens", until_stopped)?;
    eventually("they are where they stay", || {
        let dump = s.dump_status();
        ["sleeps in read fd", "joiner  (worker", "waits: join of", "waits: its gate", "waits: sleep"]
            .iter()
            .all(|word| dump.contains(word))
            && dump.matches("sleeps in futex").count() >= 1
    });
    Ok(say("ready"))
}

fn stay(_: &str) -> i32 {
    let (keep, never) = gate();
    let exit = Registry::new("shop").grace(Duration::from_secs(40)).run(|s| everybody(s, &never));
    drop(keep);
    i32::from(exit.code())
}

/// The line of a dump that begins with this name, in the tree or above it.
fn row<'a>(dump: &'a str, name: &str) -> &'a str {
    let starts = [format!("─ {name}  ("), format!("  /shop/{name}  (")];
    let is_it = |line: &&str| starts.iter().any(|start| line.contains(start));
    dump.lines().find(is_it).unwrap_or_else(|| panic!("no {name} in {dump}"))
}

#[test]
fn a_dump_says_what_each_thread_does_before_anybody_is_late() {
    // catches: `running` for a thread that is in no wait of ours; a join that does not name its
    // thread; an end of a scope without the number and names of its threads
    let mut child = child("", stay);
    child.until("ready").signal(SIGQUIT).until_stderr("homebound-watch");
    let dump = child.stderr();
    assert!(row(&dump, "reader").contains("sleeps in read fd "), "{dump}");
    assert!(row(&dump, "reader").contains(" pipe:["), "what it is about: {dump}");
    assert!(row(&dump, "locked").contains("sleeps in futex"), "{dump}");
    assert!(
        row(&dump, "marked").contains("waits: its gate at ") && row(&dump, "marked").contains(" for "),
        "{dump}"
    );
    assert!(row(&dump, "loop").contains("  running"), "{dump}");
    assert!(
        row(&dump, "joiner").contains(concat!("waits: join of /shop/locked at ", file!(), ":")),
        "{dump}"
    );
    assert!(row(&dump, "clerk").contains("waits: sleep at "), "{dump}");
    assert!(row(&dump, "homebound-stopper").contains("waits: "), "{dump}");
    assert!(dump.contains("waits: the threads of its scope (6: reader, locked, marked, ..) at "), "{dump}");
    assert!(!dump.contains("OVERDUE") && !dump.contains("not told"), "{dump}");
    child.signal(libc::SIGKILL);
    child.finish();
}

#[test]
fn the_last_words_at_a_second_signal_call_nobody_late_who_is_not() {
    // catches: OVERDUE and timeout for all that are not home; a service that was never told, shown
    // as late; no kernel
    let mut child = child("", stay);
    child.until("ready").signal(SIGTERM).until("told");
    // Longer than a keystroke takes (G1), from when *watch* has heard the first signal.
    linger(700);
    child.signal(SIGTERM);
    let done = child.finish();
    let text = &done.err;
    assert_eq!(done.code, Some(128 + SIGTERM), "{done:#?}");
    assert!(text.contains("shutdown: 6 total, 0 joined, not home yet: 6, timeout: 0, orphaned: 0"), "{text}");
    assert!(!text.contains("OVERDUE"), "{text}");
    assert!(row(text, "clerk").contains("not told to stop yet"), "{text}");
    assert!(
        row(text, "reader").contains("sleeps in read fd ") && row(text, "reader").contains("asked to stop"),
        "{text}"
    );
    assert!(text.contains("waits: join of /shop/locked at "), "{text}");
}

#[test]
fn a_report_before_the_end_tells_who_has_time_from_who_is_late() {
    // catches: a sum that does not hold; rows that say OVERDUE in time, or do not say it when it is
    let result = scope(|s| {
        let (open, gate) = gate();
        let gates = [gate.clone(), gate];
        let [one, two] = gates;
        s.spawn("deaf", "is not home", move |_| Ok(pass(&one)))?;
        s.service("clerk", "is told late", move |_| Ok(pass(&two)))?;
        let asks = s.spawn("asks", "from inside", move |_| Ok(s.shutdown(NEVER)))?;
        let early: ShutdownReport = asks.join()?;
        assert_eq!((early.total, early.timeout, early.away), (early.joined + 2, 2, 2), "{early}");
        let how = |report: &ShutdownReport, name: &str| {
            report.threads.iter().find(|row| row.name == name).map(|row| row.ending)
        };
        assert_eq!(how(&early, "deaf"), Some(Ending::NotHome), "{early}");
        assert_eq!(how(&early, "clerk"), Some(Ending::NotTold), "{early}");
        let late = s.shutdown(Duration::ZERO);
        assert_eq!((late.timeout, late.away), (2, 0), "{late}");
        assert_eq!(how(&late, "deaf"), Some(Ending::Overdue), "{late}");
        assert_eq!(how(&late, "clerk"), Some(Ending::Overdue), "{late}");
        Ok(drop(open))
    });
    result.unwrap();
}

#[test]
fn a_snapshot_has_whom_a_join_waits_for_as_data() {
    // catches: an edge without its thread; an edge that outlives the wait
    let result = scope(|s| {
        let (open, gate) = gate();
        let target = s.spawn("target", "is joined", move |_| Ok(pass(&gate)))?;
        let (id, path) = (target.id(), target.path().to_owned());
        s.spawn("joiner", "joins", move |_| Ok(target.join()?))?;
        eventually("it joins", || {
            let edges: Vec<_> = s.active_threads().into_iter().flat_map(|thread| thread.waits_for).collect();
            matches!(&edges[..], [edge] if edge.thread == Some(id) && edge.path == path && edge.known)
        });
        drop(open);
        eventually("the edge is gone", || {
            s.active_threads().iter().all(|thread| thread.waits_for.is_empty())
        });
        Ok(())
    });
    result.unwrap();
}

/// Does not end before its gate is open.
struct Hangs(Receiver<()>);

impl Drop for Hangs {
    fn drop(&mut self) {
        pass(&self.0);
    }
}

thread_local!(static KEPT: RefCell<Option<Hangs>> = const { RefCell::new(None) });

fn keep(gate: &Receiver<()>) -> Result {
    KEPT.with(|kept| *kept.borrow_mut() = Some(Hangs(gate.clone())));
    Ok(())
}

/// Asserts the facts of a snapshot while `codec` hangs in its last destructor.
fn assert_codec_is_ending(snapshot: &Snapshot, scope: &str) {
    // One of homebound's own that ends after it may be there as well, and join it.
    let codec = snapshot.ending.iter().find(|ending| ending.name == "codec").expect("it is there");
    let path = format!("{scope}/codec");
    assert_eq!((&*codec.name, &*codec.purpose, &*codec.path), ("codec", "keeps a handle", &*path));
    assert!(std::path::Path::new(&format!("/proc/self/task/{}", codec.os_tid)).exists());
    assert!(all_threads(snapshot).iter().all(|thread| thread.name != "codec"), "{snapshot}");
    assert!(
        snapshot.to_string().contains(&format!("on its way out: {path}  (keeps a handle)")),
        "{snapshot}"
    );
}

#[test]
fn a_thread_that_hangs_in_a_destructor_is_seen_while_its_scope_lives() {
    // catches: an OS thread that is in no list between the end of its closure and its join; an idle
    // thread shown as ending
    let result = scope(|s| {
        let (open, gate) = gate();
        let never = gate.clone();
        s.thread("codec", "keeps a handle").dedicated().spawn(move |_| keep(&never))?.join()?;
        s.spawn("warm", "leaves a thread idle", |_| Ok(()))?.join()?;
        eventually("it is on its way out", || s.snapshot().ending.len() == 1);
        let snapshot = s.snapshot();
        assert_codec_is_ending(&snapshot, &snapshot.root.path);
        eventually("the kernel tells where it is", || s.dump_status().contains("sleeps in futex"));
        drop(open);
        eventually("it is gone", || s.snapshot().ending.is_empty());
        Ok(())
    });
    result.unwrap();
}

#[test]
fn while_a_run_waits_for_a_destructor_its_main_thread_is_in_the_tree() {
    // catches: a root that is settled, and shows nobody: the main thread foreign, the hanging one
    // nowhere
    let done = in_child("", |_| {
        let (open, gate) = gate();
        let main = thread_id();
        let looker = std::thread::spawn(move || {
            let hangs = |now: &Snapshot| now.ending.iter().any(|ending| ending.name == "codec");
            let all = || registry::snapshot().filter(hangs);
            eventually("a snapshot shows it", || all().is_some_and(|now| waits_for_its_ends(&now)));
            let snapshot = all().expect("it hangs");
            assert_codec_is_ending(&snapshot, "/app");
            let foreign: Vec<_> = snapshot.foreign.iter().filter(|row| row.os_tid == main).collect();
            assert!(foreign.is_empty(), "{snapshot}");
            assert!(snapshot.to_string().contains("waits: its OS threads to be gone ("));
            drop(open);
        });
        let exit =
            Registry::new("app").run(|s| Ok(drop(s.spawn("codec", "keeps a handle", move |_| keep(&gate))?)));
        looker.join().unwrap();
        i32::from(exit.code())
    });
    assert_eq!(done.code, Some(0), "{done:#?}");
}

fn waits_for_its_ends(snapshot: &Snapshot) -> bool {
    let body = snapshot.root.threads.iter().find(|thread| thread.role == homebound::Role::Body);
    let state = body.map(|body| body.state);
    matches!(state, Some(ThreadState::Waiting { what: "its OS threads to be gone", .. }))
}

fn thread_id() -> u32 {
    u32::try_from(rustix::thread::gettid().as_raw_nonzero().get()).expect("positive")
}

#[test]
fn p7_the_last_words_name_a_thread_that_hangs_in_a_destructor() {
    // catches: `0 threads`, and books that are closed before the last words
    let done = in_child("", |_| {
        let (open, gate) = gate();
        std::mem::forget(open);
        let exit = Registry::new("app").grace(SHORT).kill_after(SHORT).run(|s| {
            s.spawn("codec", "keeps a handle", move |cx| {
                keep(&gate)?;
                cx.wait_for_stop();
                Ok(())
            })?;
            Ok(s.stop())
        });
        i32::from(exit.code()) + 1
    });
    let text = &done.err;
    assert_eq!(done.code, Some(70), "{done:#?}");
    assert!(text.contains("shutdown: 1 total, 1 joined, timeout: 0"), "{text}");
    assert!(text.contains("on its way out: /app/codec  (keeps a handle)  tid "), "{text}");
    assert!(text.contains("sleeps in futex"), "where it hangs: {text}");
    assert!(text.contains("waits: its OS threads to be gone ("), "{text}");
    assert!(!text.contains("not ours"), "{text}");
}

#[test]
fn a_run_that_waits_for_ever_says_again_who_hangs_in_a_destructor() {
    // catches: silence, since the thread that warns is home by then
    let mut child = child("", |_| {
        let (open, gate) = gate();
        std::mem::forget(open);
        let root = Registry::new("app").grace(SHORT).kill_after(SHORT).on_overdue(OnOverdue::Wait);
        let exit = root.run(|s| Ok(drop(s.spawn("codec", "keeps a handle", move |_| keep(&gate))?)));
        i32::from(exit.code())
    });
    child.until_stderr("on its way out: /app/codec  (keeps a handle)");
    child.signal(libc::SIGKILL);
    child.finish();
}

//! Owns what a wait says that takes long, outside of a registry: TX7, TX8.
#![cfg(target_os = "linux")]
#![allow(clippy::unit_arg)] // `Ok(drop(..))` reads well as the last word of a body

use std::process::Command;
use std::time::Duration;

use crossbeam_channel::Receiver;
use homebound::{Child, Context, Group, JoinSet, Race, Result, Scope, group, scope_named};

use crate::common::subscriber::Told;
use crate::common::{CHILD, LIMIT, child, eventually, linger, pass, say, test_name, within};

/// All ways to wait for a thread, and whom the warning of each names.
const WAYS: [(&str, &str); 17] = [
    ("end", "/app/inner (1: deaf)"),
    ("drop", "/owner (1: deaf)"),
    ("with a long time-out", "/app/deaf"),
    ("join", "/app/deaf"),
    ("job", "/app/jobs/jobs-1/job 1"),
    ("next", "the first of (2: deaf, deaf-2)"),
    ("next job", "the first of (2: job 1, job 2)"),
    ("join_all", "/app/deaf"),
    ("wait_idle", "/app/jobs (1: jobs-1)"),
    ("place", "/app/jobs (1: jobs-1)"),
    ("map", "/app/items (1: items-1)"),
    ("map_stream", "/app/items (1: items-1)"),
    ("map of a pool", "/app/jobs (1: jobs-1)"),
    ("race", "/app/race (1: deaf)"),
    ("end of race", "/app/race/deaf"),
    ("supervisor", "/app/sup"),
    ("child process", "/app/child"),
];

/// Waits for a thread that is deaf for a while, and tells stdout of warnings.
fn waits(how: &str) -> i32 {
    let subscriber = Told::new(|line: &str| {
        if line.contains("homebound::wait") {
            say(line);
        }
    });
    tracing::subscriber::set_global_default(subscriber).expect("the first");
    let (open, gate) = crate::common::gate();
    let opener = std::thread::spawn(move || {
        linger(6_500);
        drop(open);
    });
    if how == "drop" {
        let owner = group("owner").expect("starts");
        owner.spawn("deaf", "stays for a while", move |_| Ok(pass(&gate))).expect("starts");
        drop(owner);
    } else {
        scope_named("app", |s| wait_in(s, how, &gate)).expect("home");
    }
    opener.join().expect("home");
    0
}

/// Waits in a scope, in all ways but the drop of a group.
fn wait_in(s: &Scope<'_, '_>, how: &str, gate: &Receiver<()>) -> Result {
    let (cx, gate) = (s.context(), gate.clone());
    let deaf = {
        let gate = gate.clone();
        move |_: &Context| -> Result { Ok(pass(&gate)) }
    };
    let pool = || s.pool("jobs", "run jobs").threads(1).queue(1).start();
    match how {
        "with a time-out" => {
            let a_minute = Duration::from_secs(60);
            assert!(s.spawn("deaf", "stays for a while", deaf)?.join_timeout(a_minute).is_ok());
        }
        "with a long time-out" => {
            assert!(s.spawn("deaf", "stays for a while", deaf)?.join_timeout(LIMIT).is_ok());
        }
        "join" => s.spawn("deaf", "stays for a while", deaf)?.join()?,
        "job" => {
            let pool = pool()?;
            let job = pool.submit(cx, deaf)?;
            // A job has the path of its thread once it runs.
            eventually("it runs", || pool.status().running == 1);
            job.join()?
        }
        "next" => {
            let mut set = JoinSet::new();
            set.spawn(s, "deaf", "stays for a while", deaf.clone())?;
            set.spawn(s, "deaf-2", "stays for a while", deaf)?;
            set.next(cx)?.expect("an end").1?;
        }
        "next job" => {
            let (mut set, pool) = (JoinSet::new(), s.pool("jobs", "run jobs").threads(2).start()?);
            set.submit(&pool, cx, deaf.clone())?;
            set.submit(&pool, cx, deaf)?;
            set.next(cx)?.expect("an end").1?;
        }
        "join_all" => {
            let mut set = JoinSet::new();
            set.spawn(s, "deaf", "stays for a while", deaf)?;
            set.join_all(cx)?;
        }
        "wait_idle" => {
            let pool = pool()?;
            pool.execute(cx, deaf)?;
            pool.wait_idle(cx)?;
        }
        "place" => {
            let pool = pool()?;
            pool.execute(cx, deaf)?;
            eventually("it runs", || pool.status().running == 1);
            pool.execute(cx, |_| Ok(()))?;
            pool.execute(cx, |_| Ok(()))?;
        }
        _ => wait_for_many(s, how, &gate)?,
    }
    Ok(())
}

/// The waits for a scope of threads, and for a child.
fn wait_for_many(s: &Scope<'_, '_>, how: &str, gate: &Receiver<()>) -> Result {
    let gate = gate.clone();
    let deaf = {
        let gate = gate.clone();
        move |_: &Context| -> Result { Ok(pass(&gate)) }
    };
    match how {
        "map" => drop(s.map("items", "stays for a while", 1, [()], |_, ()| Ok(pass(&gate)))?),
        "map_stream" => s.map_stream(
            "items",
            "stays for a while",
            1,
            [()],
            |_, ()| Ok(pass(&gate)),
            |_, all| {
                for item in all {
                    item?;
                }
                Ok(())
            },
        )?,
        "map of a pool" => drop(s.pool("jobs", "run jobs").threads(1).start()?.map(
            s.context(),
            [()],
            |_, ()| Ok(pass(&gate)),
        )?),
        "race" => s.race("race", Race::new().add("deaf", "stays for a while", deaf))?,
        "end of race" => {
            let (told, here) = crossbeam_channel::bounded(1);
            let slow = move |cx: &Context| {
                told.send(())?;
                deaf(cx)
            };
            let quick = move |_: &Context| Ok(here.recv()?);
            s.race("race", Race::new().add("deaf", "stays for a while", slow).add("quick", "wins", quick))?
        }
        "supervisor" => {
            let child = Child::once("deaf", "stays for a while", deaf);
            s.supervisor("sup", "keeps it").add(child).start()?.join()?
        }
        "child process" => {
            let mut command = Command::new("sleep");
            command.arg("6.5");
            let child = s.process("child", "stays for a while", command).spawn()?;
            assert!(child.wait()?.success());
        }
        _ => s.subscope("inner", |inner| {
            inner.spawn("deaf", "stays for a while", deaf)?;
            Ok(())
        })?,
    }
    Ok(())
}

#[test]
fn tx7_a_wait_of_five_seconds_outside_of_a_registry_is_warned_of_once_with_whom_it_waits_for() {
    // catches: a test or a library that hangs and says nothing; a warning each second; a time-out
    // of ten minutes, after which the caller hears of it
    // A wait with a short time-out is expected to take long.
    let timed = child("with a time-out", waits);
    // All at once, because each takes seconds.
    for (how, whom, child) in WAYS.map(|(how, whom)| (how, whom, child(how, waits))) {
        let done = child.finish();
        assert_eq!(done.code, Some(0), "{how}: {done:#?}");
        let warnings: Vec<_> =
            done.out.lines().filter(|line| line.contains("WARN homebound::wait")).collect();
        assert_eq!(warnings.len(), 1, "{how}: {warnings:?}");
        assert!(warnings[0].contains(&format!("waits_for={whom} ")), "{how}: {warnings:?}");
        assert!(done.err.is_empty(), "no dump unasked: {how}: {}", done.err);
    }
    let done = timed.finish();
    assert_eq!((done.code, done.out.contains("homebound::wait")), (Some(0), false), "{done:#?}");
}

/// Two scopes, one in the other, wait for the same thread.
fn nested() {
    let (open, gate) = crate::common::gate();
    let opener = std::thread::spawn(move || {
        linger(2_000);
        drop(open);
    });
    let ended = scope_named("app", |s| {
        s.spawn("joiner", "waits with the end of its scope", |cx| {
            Ok(cx.subscope("inner", |inner| {
                inner.spawn("deaf", "stays for a while", move |_| Ok(pass(&gate)))?;
                Ok(())
            })?)
        })?;
        Ok(())
    });
    ended.expect("home");
    opener.join().expect("home");
}

#[test]
fn tx8_the_environment_asks_for_one_dump_of_a_wait_that_takes_long() {
    // catches: a dump for each scope that waits; a dump without the thread that is waited for
    if std::env::var_os(CHILD).is_some() {
        return nested();
    }
    let done = Command::new(std::env::current_exe().expect("a path"))
        .args([&*test_name(), "--exact", "--nocapture", "--test-threads=1"])
        .env("HOMEBOUND_DUMP_AFTER", "500ms")
        .env(CHILD, "")
        .output()
        .expect("it runs");
    let err = String::from_utf8(done.stderr).expect("text");
    assert!(done.status.success(), "{err}");
    assert!(err.starts_with("homebound: a wait for /app"), "{err}");
    assert_eq!(err.matches("homebound: a wait for").count(), 1, "{err}");
    assert!(err.contains("/app/joiner/inner/deaf  (worker: stays for a while)"), "{err}");
}

#[inline(never)]
fn drops_the_feed(feed: Group<'_>) {
    drop(feed);
}

#[test]
fn tx9_the_drop_of_a_group_says_for_whom_it_waits_and_where_it_is() {
    // catches: a thread that hangs at a closing brace, and of which the dump says only where the
    // group was opened
    within(|| {
        let ended = scope_named("app", |s| {
            let (open, gate) = crate::common::gate();
            let feed = s.group("feed")?;
            feed.spawn("deaf", "stays for a while", move |_| Ok(pass(&gate)))?;
            s.spawn("dropper", "drops the feed", move |_| Ok(drops_the_feed(feed)))?;
            eventually("it drops", || {
                s.dump_status().contains("waits: drop of group /app/feed (1: deaf) at ")
            });
            if cfg!(feature = "stacks") {
                eventually("its stack", || s.dump_status().contains("::drops_the_feed"));
            }
            Ok(drop(open))
        });
        ended.unwrap();
    });
}

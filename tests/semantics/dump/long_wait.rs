//! Owns what a wait says that takes long, outside of a registry: TX7, TX8.
#![cfg(target_os = "linux")]
#![allow(clippy::unit_arg)] // `Ok(drop(..))` reads well as the last word of a body

use std::process::Command;

use homebound::{Group, group, scope_named};

use crate::common::subscriber::Told;
use crate::common::{CHILD, child, eventually, linger, pass, say, test_name, within};

/// Waits for a thread that is deaf for a while, in one of three ways, and tells stdout of warnings.
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
    match how {
        "drop" => {
            let owner = group("owner").expect("starts");
            owner.spawn("deaf", "stays for a while", move |_| Ok(pass(&gate))).expect("starts");
            drop(owner);
        }
        "join" => {
            let joined = scope_named("app", |s| {
                let deaf = s.spawn("deaf", "stays for a while", move |_| Ok(pass(&gate)))?;
                Ok(deaf.join()?)
            });
            joined.expect("home");
        }
        _ => {
            let ended = scope_named("app", |s| {
                s.subscope("inner", |inner| {
                    inner.spawn("deaf", "stays for a while", move |_| Ok(pass(&gate)))?;
                    Ok(())
                })?;
                Ok(())
            });
            ended.expect("home");
        }
    }
    opener.join().expect("home");
    0
}

#[test]
fn tx7_a_wait_of_five_seconds_outside_of_a_registry_is_warned_of_once_with_whom_it_waits_for() {
    // catches: a test or a library that hangs and says nothing; a warning each second
    let words = [("end", "/app/inner (1: deaf)"), ("drop", "/owner (1: deaf)"), ("join", "/app/deaf")];
    // All at once, because each takes seconds.
    for (how, whom, child) in words.map(|(how, whom)| (how, whom, child(how, waits))) {
        let done = child.finish();
        assert_eq!(done.code, Some(0), "{how}: {done:#?}");
        let warnings: Vec<_> =
            done.out.lines().filter(|line| line.contains("WARN homebound::wait")).collect();
        assert_eq!(warnings.len(), 1, "{how}: {warnings:?}");
        assert!(warnings[0].contains(&format!("waits_for={whom}")), "{how}: {warnings:?}");
        assert!(done.err.is_empty(), "no dump unasked: {how}: {}", done.err);
    }
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

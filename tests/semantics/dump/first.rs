//! Owns the first lines of a dump, and the last words: TX1, TX4.
#![cfg(target_os = "linux")]
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::io::Read;
use std::time::Duration;

use homebound::registry::Registry;
use libc::{SIGKILL, SIGQUIT, SIGTERM};

use crate::common::{LIMIT, child, eventually, in_child, linger, pass, say, until_stopped};

fn one_is_deaf(_: &str) -> i32 {
    let grace = Duration::from_millis(400);
    let exit = Registry::new("shop").grace(grace).kill_after(Duration::from_millis(100)).run(|s| {
        s.service("clerk", "takes orders", until_stopped)?;
        s.spawn("done", "ends at the stop", until_stopped)?;
        let deaf = s.spawn("deaf", "reads a pipe, on its own", |_| {
            let (mut reader, _writer) = std::io::pipe()?;
            Ok(reader.read_exact(&mut [0])?)
        })?;
        s.spawn("joiner", "waits for the deaf one", move |_| Ok(deaf.join()?))?;
        eventually("all are where they stay", || {
            let dump = s.dump_status();
            dump.contains("1 blocked outside of homebound") && dump.contains("waits: join of /shop/deaf")
        });
        say("reads");
        s.context().wait_for_stop();
        Ok(())
    });
    i32::from(exit.code())
}

#[test]
fn tx1_a_dump_begins_with_its_cause_the_date_and_the_process() {
    // catches: a dump of which nobody knows when it was made, and of which process
    let mut child = child("", one_is_deaf);
    child.until("reads").signal(SIGQUIT).until_stderr("homebound-stopper  (internal");
    let dump = child.stderr();
    child.signal(SIGTERM);
    child.finish();
    let head = dump.lines().next().expect("a line");
    assert!(head.starts_with("homebound: SIGQUIT; 20") && head.contains(" UTC, shop, pid "), "{head}");
    let (_, exe) = (std::env::current_exe(), "semantics");
    assert!(head.contains(exe) && head.contains(", up ") && head.contains(", homebound "), "{head}");
    let verdict = dump.lines().nth(1).expect("a line");
    assert!(verdict.starts_with("homebound: 4 threads in 1 scope: "), "{verdict}");
    assert!(verdict.contains("1 blocked outside of homebound"), "{verdict}");
}

#[test]
fn tx1_a_dump_has_what_the_program_says_of_itself() {
    // catches: a status that only a service manager gets; a text that writes lines of its own
    let said = |s: &homebound::Scope<'_, '_>| {
        let dump = s.dump_status();
        let lines = dump.lines().filter_map(|line| line.strip_prefix("status: ").map(str::to_owned));
        (lines.collect::<Vec<_>>(), s.snapshot().status)
    };
    homebound::scope(|s| {
        assert_eq!(said(s), (vec![], None));
        s.context().status("warms up");
        s.spawn("other", "says it from another thread", |cx| Ok(cx.status("serves\n\u{202e}")))?.join()?;
        let shown = vec!["serves\\n\\u{202e}".to_owned()];
        assert_eq!(said(s), (shown, Some("serves\n\u{202e}".to_owned())));
        s.subscope("below", |below| Ok(assert_eq!(said(below), (vec![], None))))?;
        Ok(())
    })
    .unwrap();
    // By a signal, which *watch* answers.
    let mut child = child("", |_| {
        let exit = Registry::new("shop").grace(LIMIT).run(|s| {
            s.context().status("serves 3 guests");
            s.stop();
            say("stops");
            Ok(std::thread::park())
        });
        i32::from(exit.code())
    });
    child.until("stops").signal(SIGQUIT).until_stderr("homebound-stopper  (internal");
    let dump = child.stderr();
    child.signal(SIGKILL);
    child.finish();
    let lines: Vec<_> = dump.lines().take(4).collect();
    assert_eq!(lines[2], "status: serves 3 guests", "{dump}");
    assert!(lines[3].starts_with("stopping: "), "{dump}");
}

#[test]
fn tx4_the_last_words_have_each_thread_once_and_the_culprit_first() {
    // catches: a thread in the report and in the dump; its victims before it
    let mut child = child("", one_is_deaf);
    child.until("reads").signal(SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(70), "{done:#?}");
    let text = &done.err;
    for purpose in ["reads a pipe, on its own", "takes orders", "waits for the deaf one", "ends at the stop"]
    {
        assert_eq!(text.matches(purpose).count(), 1, "{purpose}: {text}");
    }
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("no {what}: {text}"));
    assert!(at("homebound: threads are not home, and the grace is over; ") == 0, "{text}");
    assert!(at("shutdown: 4 total, ") < at("\nOVERDUE:\n"), "{text}");
    assert!(text.contains(" scope: 1 OVERDUE"), "the joiner is late because of the deaf one: {text}");
    assert!(at("\nOVERDUE:\n  /shop/deaf  (worker") < at("joiner  (worker"), "{text}");
    assert!(at("waits: join of /shop/deaf") < at("\nhome:"), "those that are home come last: {text}");
}

fn all_are_deaf(_: &str) -> i32 {
    let grace = Duration::from_millis(400);
    let exit = Registry::new("shop").grace(grace).kill_after(Duration::from_millis(100)).run(|s| {
        let deaf = || Ok(std::io::pipe().and_then(|(mut reader, _writer)| reader.read_exact(&mut [0]))?);
        s.spawn("one", "reads a pipe, on its own", move |_| deaf())?;
        s.spawn("two", "reads a pipe in the body of a scope", move |cx| {
            Ok(cx.subscope("inner", |_| deaf())?)
        })?;
        s.spawn("three", "reads a pipe, on its own", move |_| deaf())?;
        eventually("all are where they stay", || s.dump_status().contains("3 blocked outside of homebound"));
        say("reads");
        deaf()
    });
    i32::from(exit.code())
}

#[test]
fn tx1_the_verdict_counts_the_body_of_a_scope_apart_from_threads() {
    // catches: "3 threads in 2 scopes: 4 OVERDUE", with the body of the root as a fourth thread
    let mut child = child("", all_are_deaf);
    child.until("reads").signal(SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(70), "{done:#?}");
    let verdict = "\nhomebound: 3 threads in 2 scopes: 3 OVERDUE, 1 body OVERDUE\n";
    assert!(done.err.contains(verdict), "{}", done.err);
    assert!(done.err.contains("shutdown: 3 total, "), "{}", done.err);
}

#[test]
fn tx1_the_second_signal_is_the_cause() {
    // catches: a cause that is not named
    let done = in_child("", |_| {
        let exit = Registry::new("twice").grace(Duration::from_secs(60)).run(|s| {
            let (keep, never) = crate::common::gate();
            s.spawn("deaf", "stays", move |_| Ok(pass(&never)))?;
            let raise = |signal| rustix::process::kill_process(rustix::process::getpid(), signal).unwrap();
            raise(rustix::process::Signal::TERM);
            s.context().wait_for_stop();
            linger(600);
            raise(rustix::process::Signal::TERM);
            linger(60_000);
            Ok(drop(keep))
        });
        i32::from(exit.code())
    });
    assert_eq!(done.code, Some(128 + SIGTERM), "{done:#?}");
    assert!(done.err.starts_with("homebound: a second signal; 20"), "{done:#?}");
    assert!(done.err.contains("stopping: signal 15 (SIGTERM), "), "{done:#?}");
}

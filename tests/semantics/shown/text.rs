//! Owns how names and texts are shown that are no text, do not fit, or come from a peer.
//! Refuses to pin the layout around them.
#![cfg(target_os = "linux")]
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use homebound::registry::{self, Registry};
use homebound::{Context, JoinError, Result, Scope, ScopeError, Snapshot, ThreadState, ThreadStatus, scope};
use homebound_testing::{NoLeaks, no_leaks};

use crate::common::subscriber::Told;
use crate::common::{Log, all_threads, child_passes, eventually, gate, in_child, pass, until_stopped};

const SHORT: Duration = Duration::from_millis(200);

/// The kernel keeps 15 bytes of each.
const CUT: [&str; 3] = ["thumbs-für-Björn.png", "каталог-сканер", "画像スキャナー"];

fn kernel_name(thread: &ThreadStatus) -> Vec<u8> {
    let id = thread.os_tid.expect("it runs");
    let mut name = fs::read(format!("/proc/self/task/{id}/comm")).expect("it is there");
    assert_eq!(name.pop(), Some(b'\n'));
    name
}

fn named<'a>(threads: &'a [ThreadStatus], name: &str) -> &'a ThreadStatus {
    threads.iter().find(|thread| thread.name == name).unwrap_or_else(|| panic!("no {name} in {threads:?}"))
}

/// Of a scope whose threads have all begun.
fn running(s: &Scope<'_, '_>) -> Vec<ThreadStatus> {
    eventually("all threads wait", || {
        s.active_threads().iter().all(|thread| matches!(thread.state, ThreadState::Waiting { .. }))
    });
    s.active_threads()
}

#[test]
fn a_name_that_does_not_fit_is_cut_at_a_character() {
    // catches: a name in `ps` that ends in half a character, and readers of it that take it for
    // text; an escape in `ps`
    let result = scope(|s| {
        for name in CUT.into_iter().chain(["two\nlines", "\u{1b}[31mred", "short"]) {
            s.spawn(name, "waits", until_stopped)?;
        }
        let threads = running(s);
        for (name, seen) in [
            (CUT[0], "thumbs-für-Bj"),
            (CUT[1], "каталог-"),
            (CUT[2], "画像スキャ"),
            ("two\nlines", "two\\nlines"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("short", "short"),
        ] {
            let kernel = kernel_name(named(&threads, name));
            assert_eq!(String::from_utf8(kernel).expect("text"), seen, "{name}");
        }
        s.spawn("каталог-сканер", "its name is whole for itself", |_| {
            Ok(assert_eq!(std::thread::current().name(), Some("каталог-сканер")))
        })?;
        s.stop();
        Ok(())
    });
    result.unwrap();
}

/// A thread of std's whose kernel name is these bytes.
fn raw(name: &[u8], gate: Receiver<()>) -> std::thread::JoinHandle<()> {
    let name = [name, &[0]].concat();
    let (told, has_name) = bounded::<()>(0);
    let thread = std::thread::spawn(move || {
        let name = std::ffi::CStr::from_bytes_with_nul(&name).expect("one NUL");
        rustix::thread::set_name(name).expect("any bytes are a name");
        drop(told);
        let _ = gate.recv();
    });
    let _ = has_name.recv();
    thread
}

#[test]
fn names_that_are_no_text_blind_neither_the_audit_nor_the_check_for_leaks() {
    // catches: one name that is no UTF-8 and makes all threads unknown; a leak that is not found
    // for its name
    child_passes(|_| {
        let (keep, leave) = gate();
        let mut left = Vec::new();
        let names: [&[u8]; 3] = [b"cut \xc3", b"\xff\xfe", b"a) R\n1 \\"];
        let exit = registry::run(|s| {
            left.extend(names.map(|name| raw(name, leave.clone())));
            s.spawn(CUT[0], "ours", until_stopped)?;
            running(s);
            let rows = s.snapshot().foreign.into_iter().filter(|row| !row.before);
            let mut seen: Vec<_> = rows.map(|row| (row.name, row.unknown)).collect();
            seen.sort();
            let shown =
                ["a) R\n1 \\", "cut \u{fffd}", "\u{fffd}\u{fffd}"].map(|name| (name.to_owned(), None));
            assert_eq!(seen, shown);
            Ok(s.stop())
        });
        assert_eq!(exit.shutdown.orphaned, names.len(), "{}", exit.shutdown);
        let leaks = no_leaks(|| left.push(raw(b"cut \xc3", leave.clone()))).unwrap_err();
        assert_eq!((leaks.threads().len(), leaks.unknown()), (1, None), "{leaks}");
        let long = "thumbs-für-Björn.png";
        let ignoring = NoLeaks::new().ignore(long).check(|| {
            left.push(raw(&long.as_bytes()[..15], leave.clone()));
            left.push(raw("thumbs-für-Bj".as_bytes(), leave.clone()));
        });
        ignoring.unwrap();
        drop(keep);
        left.into_iter().for_each(|thread| thread.join().unwrap());
        0
    });
}

/// What a peer may send: a forged row, an order to the terminal, a text that reads from right to
/// left.
const SENT: &str = "a\n└─ /app/forged  OVERDUE\r\u{1b}[2J\u{9b}1m\u{202e}gpj.exe\u{2066}\u{200f}";

fn assert_harmless(text: &str) {
    let odd = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{2066}\u{200f}".contains(c);
    assert!(!text.contains(odd), "{text:?}");
    let forged = text.lines().find(|line| line.trim_start_matches(['│', ' ']).starts_with("└─ /app/forged"));
    assert!(forged.is_none(), "{text}");
    assert!(text.contains("\\u{1b}[2J"), "it is shown: {text}");
}

fn sends_back(_: &Context) -> Result {
    Err(SENT.into())
}

#[test]
fn what_a_peer_sent_is_written_out_by_stds_panic_hook() {
    // catches: std, which prints the name of a thread that panics as it is
    let done = in_child("", |_| {
        let error = scope(|s| {
            Ok(s.spawn(SENT, "panics", |cx| -> Result { panic!("{} bytes", cx.name().len()) })?.join()?)
        });
        i32::from(!error.unwrap_err().to_string().contains(&format!("{} bytes", SENT.len())))
    });
    assert_eq!(done.code, Some(0), "the data keeps it: {done:#?}");
    assert!(done.err.contains("panicked at"), "{done:#?}");
    assert!(!done.err.contains(|c: char| c != '\n' && c.is_control()), "{done:#?}");
}

#[test]
fn what_a_peer_sent_is_written_out_in_every_text() {
    // catches: names, purposes, paths, errors, panics or reasons that reach the terminal as they
    // are, or forge a row
    child_passes(|_| {
        std::panic::set_hook(Box::new(|_| ()));
        let mut texts = Vec::new();
        let error = scope(|s| {
            s.spawn(SENT, SENT, until_stopped)?;
            let (panics, fails) = (s.thread(SENT, SENT).isolated(), s.thread(SENT, SENT).isolated());
            let failed = fails.spawn(sends_back)?;
            panics.spawn(|_| -> Result { panic!("{SENT}") })?;
            let joined: JoinError = failed.join().unwrap_err();
            texts.push(joined.to_string());
            running(s);
            let snapshot: Snapshot = s.snapshot();
            assert_eq!(named(&all_threads(&snapshot), SENT).purpose, SENT, "the data keeps it");
            texts.extend([snapshot.to_string(), s.dump_status()]);
            s.stopper().stop_because(SENT);
            texts.extend([s.snapshot().to_string(), s.context().stop_reason().unwrap().to_string()]);
            let report = s.shutdown(crate::common::NEVER);
            texts.push(report.to_string());
            Ok(s.context().checkpoint()?)
        });
        let error: ScopeError = error.unwrap_err();
        texts.extend([error.to_string(), format!("{error:?}"), error.first().unwrap().to_string()]);
        let outer = scope(|_| Err::<(), _>(error.into())).unwrap_err();
        texts.push(outer.to_string());
        let cycle = scope(|s| {
            let service = s.service(SENT, SENT, until_stopped)?;
            Ok(s.spawn(SENT, SENT, move |_| Ok(service.join().unwrap_err().to_string()))?.join()?)
        });
        texts.push(cycle.unwrap());
        texts.iter().for_each(|text| assert_harmless(text));
        0
    });
}

#[test]
fn what_a_peer_sent_is_written_out_in_the_log() {
    // catches: a field of an event, or of a span, that orders the terminal about
    let done = in_child("", |_| {
        let log = Arc::new(Log::new());
        let into = Arc::clone(&log);
        tracing::subscriber::set_global_default(Told::new(move |line: &str| into.add(line))).unwrap();
        std::panic::set_hook(Box::new(|_| ()));
        let exit = Registry::new("log").grace(SHORT).run(|s| {
            let (open, gate) = gate();
            s.thread(SENT, SENT).isolated().spawn(sends_back)?;
            s.thread(SENT, SENT).isolated().spawn(|_| -> Result { panic!("{SENT}") })?;
            s.spawn(SENT, SENT, move |_| Ok(pass(&gate)))?;
            s.stopper().stop_because(SENT);
            eventually("it is told as overdue", || log.all().iter().any(|line| line.contains("overdue")));
            drop(open);
            Ok(())
        });
        assert!(exit.result.is_err());
        let lines: Vec<_> = log.all().into_iter().filter(|line| line.contains("forged")).collect();
        for kind in ["span", "failed", "panicked", "overdue", "stopping"] {
            assert!(lines.iter().any(|line| line.contains(kind)), "{kind} in {lines:#?}");
        }
        let odd = lines.iter().find(|line| line.contains(|c: char| c.is_control() || c == '\u{202e}'));
        assert!(odd.is_none(), "{odd:?}");
        0
    });
    assert_eq!(done.code, Some(0), "{done:#?}");
}

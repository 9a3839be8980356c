//! The thread sources of a desktop application, all alive at one moment, as the studio's own dump
//! shows them.

use rustix::process::Signal;

use crate::studio::folders::folder;
use crate::studio::place::Runtime;

/// Each of the eight, and the lines of the dump that are it: all that is listed must be in one of
/// its lines.
const SOURCES: [(&str, &[&[&str]]); 8] = [
    (
        "ProcessAutoScanner",
        &[&["scanner  (service: ends stray child processes that are idle)", "waits: tick"]],
    ),
    (
        "Watchdog, heartbeat monitor",
        &[&["watchdog  (service: reports stages that make no progress)", "waits: tick"]],
    ),
    (
        "queue worker",
        &[
            &["thumbs  (pool)", "0 queued, 0 done"],
            &["thumbs-1  (worker: makes thumbnails of queued pictures)", "job 1 \"a.png\""],
        ],
    ),
    (
        "image loader",
        &[&["thumbs-", "(worker: makes thumbnails of queued pictures)", "examples/studio/thumbs.rs"]],
    ),
    (
        "ZIP builder",
        &[&["bundle  (service: writes the diagnostics bundle when a signal asks for it)", "waits: "]],
    ),
    ("GUI worker", &[&["(body)", "waits: recv at examples/studio/progress.rs"]]),
    (
        "WebuiProcessManager",
        &[
            &["webui-monitor  (service: starts the web server, and again when it dies)"],
            &["webui-stdout  (service: reads the output of the web server)", "waits: "],
            &["webui-stderr  (worker: reads the complaints of the web server)", "waits: "],
            &["webui-health  (service: asks the web server whether it is well)", "waits: "],
            &["webui-server  (process: shows the contact sheet)", "--serve"],
        ],
    ),
    ("SingleInstanceChecker", &[&["instance  (service: takes folders from later studios)", "waits: accept"]]),
];

fn is_in(dump: &str, parts: &[&str]) -> bool {
    dump.lines().any(|line| parts.iter().all(|part| line.contains(part)))
}

#[test]
fn all_eight_thread_sources_are_there_shown_by_the_dump() {
    // catches: a source that is no thread, that has another name, or that came and went
    let dir = folder("eight", &["a.png"]);
    let runtime = Runtime::new();
    let mut studio = dir.studio();
    // It loads for as long as we like.
    studio.arg("--watch").arg("--web").arg("--single");
    let mut run = studio.env("STUDIO_FAULT", "load:a.png").env("XDG_RUNTIME_DIR", runtime.text()).start();
    run.until_stdout(" loads\n");
    run.until_stdout("watching ");
    run.until_stdout("the contact sheet is at http://");
    // A dump shows one moment, in which a waiter may still be on its way. Then the test asks for
    // another dump.
    let mut asked = 0;
    let pid = run.pid();
    let (mut missing, mut last) = (Vec::new(), String::new());
    run.until("a dump with all eight", |_, stderr| {
        let ends: Vec<_> = stderr.match_indices("homebound-watch  (internal").map(|(at, _)| at).collect();
        if ends.len() < asked {
            return false;
        }
        if let Some(end) = ends.last() {
            let dump = &stderr[stderr[..*end].rfind("homebound: ").expect("its first line")..*end];
            let lines =
                SOURCES.iter().flat_map(|(source, lines)| lines.iter().map(move |parts| (source, parts)));
            last = dump.to_owned();
            missing = lines.filter(|(_, parts)| !is_in(dump, parts)).collect();
            if missing.is_empty() {
                println!("{dump}");
                return true;
            }
        }
        asked += 1;
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid as i32).unwrap(), Signal::QUIT)
            .unwrap();
        asked > 200
    });
    assert!(missing.is_empty(), "not in the dump: {missing:?}\n{last}");
    run.signal(Signal::TERM);
    let end = run.end();
    assert_eq!(end.code, Some(0), "{end:?}");
    // The report accounts for all of them, too.
    for name in ["scanner", "watchdog", "pictures/thumbs/thumbs-1", "bundle", "instance", "webui-monitor"] {
        end.says(&format!("/studio/{name}  ("));
    }
    end.says("webui/webui-server  (process: ").says("timeout: 0, orphaned: 0");
}

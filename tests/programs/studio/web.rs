//! Owns the tests of the studio's web server: its pages, the visitors that it refuses, and its
//! restart when it dies.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::studio::call::{End, Run};
use crate::studio::folders::{Folder, folder, unzip, whole_files};
use crate::studio::place::{ask, counted, get, servers};

/// A studio whose web server is well and shows the page, and where that is.
fn shown(dir: &Folder, fault: &str, args: &[&str]) -> (Run, String) {
    let mut studio = dir.studio();
    for arg in args {
        studio.arg(arg);
    }
    let mut run = studio.arg("--web").env("STUDIO_FAULT", fault).start();
    let address = run.said("the contact sheet is at http://").trim_end_matches('/').to_owned();
    run.until("the page is there", |_, _| get(&address, "/").0 == 200);
    (run, address)
}

/// The pid by which the server at this address says that it is well.
fn pid_at(address: &str) -> u32 {
    String::from_utf8(get(address, "/health").1).unwrap().trim().parse().unwrap()
}

fn kill(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid as i32).unwrap(), signal).unwrap();
}

/// It ends with this code, all are home, and no server is left.
fn ends(dir: &Folder, run: Run, code: i32) -> End {
    let end = run.end();
    assert_eq!(end.code, Some(code), "{end:?}");
    end.says("timeout: 0, orphaned: 0").says("OS threads: 1 at the start, 1 at the end");
    assert_eq!(servers(&dir.out()), [], "{end:?}");
    end
}

#[test]
fn the_page_is_shown_while_the_studio_stays() {
    // catches: a page that is written only at the end; one of an earlier run; a run that ends
    // before anybody has looked
    let dir = folder("web", &["a.png", "b.png"]);
    fs::create_dir_all(dir.out()).unwrap();
    fs::write(dir.out().join("index.html"), "an old one").unwrap();
    let (mut run, address) = shown(&dir, "", &[]);
    let mut page = String::new();
    run.until("both are on the page", |_, _| {
        page = String::from_utf8(get(&address, "/").1).unwrap();
        page.contains("a.png<br>") && page.contains("b.png<br>")
    });
    assert_eq!(get(&address, "/index.html?again").0, 200);
    for link in page.split("src=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        let (status, picture) = get(&address, &format!("/{link}"));
        assert!(status == 200 && picture.starts_with(b"\x89PNG"), "{link}: {status}");
        assert_eq!(picture, fs::read(dir.out().join(link)).unwrap());
    }
    let head = format!("HEAD /contact-sheet.png HTTP/1.0\r\nhost: {address}\r\n\r\n");
    assert_eq!(ask(&address, head.as_bytes()), (200, Vec::new()));
    run.signal(Signal::INT);
    ends(&dir, run, 130).counts(2, 2, 0, 0).says("strays:     0 found");
    assert_eq!(whole_files(&dir.out()), 2);
}

#[test]
fn nothing_else_is_shown() {
    // catches: a path that leads out, by dots or by a link; a pipe that is opened and waited for; a
    // foreign name for us
    let dir = folder("web-refuses", &["a.png"]);
    let (run, address) = shown(&dir, "", &["--watch"]);
    let thumbs = dir.out().join("thumbs");
    fs::write(dir.0.join("secret.png"), "secret").unwrap();
    fs::write(dir.out().join("thumbs.png"), "secret").unwrap();
    symlink(dir.0.join("secret.png"), thumbs.join("link.png")).unwrap();
    symlink("../..", thumbs.join("up")).unwrap();
    fs::create_dir(thumbs.join("folder.png")).unwrap();
    assert!(Command::new("mkfifo").arg(thumbs.join("pipe.png")).status().unwrap().success());
    for path in [
        "/diagnostics.zip",
        "/thumbs",
        "/thumbs/",
        "/thumbs/link.png",
        "/thumbs/up/secret.png",
        "/thumbs/folder.png",
        "/thumbs/pipe.png",
        "/thumbs/../secret.png",
        "/thumbs/../../secret.png",
        "/../secret.png",
        "//etc/passwd",
        "/thumbs/%2e%2e/%2e%2e/secret.png",
        "/thumbs/..%2f..%2fsecret.png",
        "/thumbs.png",
        "/etc/passwd",
        "etc/passwd",
        "/thumbs//etc/passwd",
        "/thumbs/.studio-1-1.part",
        "*",
        "http://127.0.0.1/../secret.png",
        "/thumbs/.png",
    ] {
        let (status, body) = get(&address, path);
        assert!(status == 404 && !body.windows(6).any(|part| part == b"secret"), "{path}: {status}");
    }
    // A link in place of the folder, and of the page.
    let elsewhere = dir.0.join("elsewhere");
    fs::rename(&thumbs, &elsewhere).unwrap();
    symlink(&elsewhere, &thumbs).unwrap();
    fs::write(elsewhere.join("good-name.png"), "secret").unwrap();
    assert_eq!(get(&address, "/thumbs/good-name.png").0, 404);
    for (request, status) in [
        (format!("POST / HTTP/1.1\r\nhost: {address}\r\ncontent-length: 3\r\n\r\nabc"), 405),
        (format!("DELETE /thumbs/a.png HTTP/1.1\r\nhost: {address}\r\n\r\n"), 405),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 421),
        ("GET / HTTP/1.1\r\nhost: evil.example\r\n\r\n".to_owned(), 421),
        ("GET / HTTP/1.1\r\nhost: 127.0.0.1.evil.example:80\r\n\r\n".to_owned(), 421),
        ("GET / HTTP/1.1\r\nhost: localhost:8080\r\nconnection: close\r\n\r\n".to_owned(), 200),
        ("GET / HTTP/1.1\r\nhost: [::1]:8080\r\nconnection: close\r\n\r\n".to_owned(), 200),
        (format!("GET / HTTP/1.1\r\nhost: {address}\r\nx: {}\r\n\r\n", "x".repeat(40_000)), 400),
        (format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(1000)), 400),
        ("nonsense\r\n\r\n".to_owned(), 400),
    ] {
        assert_eq!(ask(&address, request.as_bytes()).0, status, "{:.60}", request);
    }
    assert_eq!(get(&address, "/health").0, 200, "it is well after all that");
    run.signal(Signal::TERM);
    let end = run.end();
    assert_eq!(end.code, Some(0), "{end:?}");
    assert_eq!(servers(&dir.out()), []);
}

/// As the kernel lists it.
#[cfg(target_os = "linux")]
#[test]
fn it_listens_on_this_machine_only() {
    // catches: a server that the whole network can see
    let dir = folder("web-loopback", &["a.png"]);
    let (run, address) = shown(&dir, "", &[]);
    let port: u16 = address.rsplit(':').next().unwrap().parse().unwrap();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = fs::read_to_string(table).unwrap_or_default();
        let listening = text.lines().filter(|line| line.split_whitespace().nth(3) == Some("0A"));
        let ours = listening
            .filter_map(|line| line.split_whitespace().nth(1)?.strip_suffix(&format!(":{port:04X}")));
        assert!(ours.clone().all(|host| host == "0100007F"), "{table}: {:?}", ours.collect::<Vec<_>>());
    }
    run.signal(Signal::TERM);
    ends(&dir, run, 0);
}

#[test]
fn a_web_server_that_is_killed_is_started_again() {
    // catches: a death that nobody sees, a zombie, an address that changes under the browser
    let dir = folder("web-killed", &["a.png"]);
    let (mut run, address) = shown(&dir, "", &[]);
    let first = pid_at(&address);
    kill(first, Signal::KILL);
    run.until_stdout(&format!("the contact sheet is again at http://{address}/"));
    let second = pid_at(&address);
    assert_ne!(first, second);
    assert_eq!(servers(&dir.out()), [second]);
    let how = format!("the web server (pid {first}) has ended: signal: 9 (SIGKILL)");
    run.until_stderr(&how);
    run.signal(Signal::QUIT);
    run.until("the dump tells of it", |_, stderr| {
        let mut rows = stderr.lines().filter(|line| line.contains("webui-monitor  (service"));
        rows.any(|row| ["run 2", "restarts 1", &how].iter().all(|part| row.contains(part)))
    });
    run.signal(Signal::TERM);
    let end = ends(&dir, run, 0);
    assert_eq!(end.stderr.matches("a run failed").count(), 1, "{end:?}");
}

#[test]
fn a_web_server_that_hangs_is_started_again() {
    // catches: a living process taken for a healthy one; a suspended process that no SIGTERM
    // reaches
    let dir = folder("web-hangs", &["a.png"]);
    let (mut run, address) = shown(&dir, "", &[]);
    let first = pid_at(&address);
    kill(first, Signal::STOP);
    run.until_stderr(&format!("the web server (pid {first}) does not answer: nothing within 2s"));
    run.until_stdout("the contact sheet is again at http://");
    run.signal(Signal::TERM);
    ends(&dir, run, 0);
}

#[test]
fn a_web_server_that_always_dies_is_given_up() {
    // catches: restarts without end; a failure that nobody hears of, or that takes the pictures
    // with it
    let dir = folder("web-dies", &["a.png", "b.png"]);
    // Without --watch there is no reason to stay any longer.
    let end = dir.studio().arg("--web").env("STUDIO_FAULT", "web:die").start().end();
    assert_eq!(end.code, Some(1), "{end:?}");
    end.counts(2, 2, 0, 0).says("timeout: 0, orphaned: 0");
    let failed: Vec<_> = end.stderr.lines().filter(|line| line.contains("a run failed")).collect();
    let told = |run: usize| failed[run - 1].contains(&format!("run: {run}, "));
    assert!(failed.len() == 4 && (1..=4).all(told), "{end:?}");
    for part in ["gave up webui-monitor after 4 restarts", "the fault that a test asked for"] {
        assert!(end.stderr.contains(part), "{part} in {end:?}");
    }
    assert_eq!(whole_files(&dir.out()), 2);
    assert_eq!(servers(&dir.out()), []);
}

#[test]
fn a_port_that_is_taken_is_said() {
    // catches: another port than the requested one; a foreign server taken for ours
    let dir = folder("web-port", &["a.png"]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let end = dir.studio().arg("--web-port").arg(port).start().end();
    assert_eq!(end.code, Some(1), "{end:?}");
    assert!(end.stderr.contains("gave up") && end.stderr.contains("Address already in use"), "{end:?}");
    assert!(!end.stdout.contains("contact sheet is"), "{end:?}");
}

#[test]
fn a_web_server_that_floods_its_output_is_no_trouble() {
    // catches: lines that pile up in memory, in the log or on the terminal; a server that waits for
    // a reader
    let dir = folder("web-floods", &["a.png"]);
    let (mut run, address) = shown(&dir, "web:flood", &[]);
    let (studio, server) = (run.pid(), pid_at(&address));
    run.until("much was printed", |_, _| counted(server, "io", "wchar") > 5_000_000);
    let before = counted(studio, "status", "VmRSS");
    run.until("much more was printed", |_, _| counted(server, "io", "wchar") > 45_000_000);
    let grown = counted(studio, "status", "VmRSS").saturating_sub(before);
    assert!(grown < 8 * 1024, "{grown} KiB for 40 MB of output");
    assert_eq!(pid_at(&address), server, "it is well, and the same");
    run.signal(Signal::TERM);
    let end = ends(&dir, run, 0);
    assert_eq!(end.stderr, "", "the terminal is no log");
    let log = unzip(&dir.out(), "log.txt");
    assert!(log.lines().count() < 300, "{} lines", log.lines().count());
    assert!(log.contains("more lines, not kept"), "{log}");
}

#[test]
fn more_visitors_than_it_takes_are_sent_away() {
    // catches: a thread for each of any number; a crowd taken for an illness
    let dir = folder("web-crowd", &["a.png"]);
    let (mut run, address) = shown(&dir, "", &[]);
    let server = pid_at(&address);
    // The health check may be in one of their places, for a moment.
    let mut crowd = Vec::new();
    run.until("64 are in", |_, _| {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET / HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        if &status == b"HTTP/1.1 200" {
            crowd.push(stream);
        }
        crowd.len() == 64
    });
    assert_eq!(get(&address, "/").0, 503);
    let threads = counted(server, "status", "Threads");
    assert!(threads < 80, "{threads}");
    // Longer than it takes to find one ill that does not answer.
    run.pump_for(Duration::from_secs(4));
    assert_eq!(get(&address, "/").0, 503);
    crowd.clear();
    run.until("there is room again", |_, _| get(&address, "/").0 == 200);
    assert_eq!(pid_at(&address), server);
    run.signal(Signal::TERM);
    assert_eq!(ends(&dir, run, 0).stderr, "");
}

/// The web server is a child that is idle for long, as strays are.
#[test]
fn the_scanner_leaves_the_web_server_alone() {
    // catches: a child of a scope taken for a stray
    let dir = folder("web-scanner", &["a.png"]);
    let script = "sleep 1000 >/dev/null 2>&1 & exec \"$0\" \"$@\"";
    let mut studio = dir.studio();
    let mut run = studio.through("sh", &["-c", script]).arg("--web").arg("--idle").arg("0.2").start();
    run.until_stdout("the contact sheet is at http://");
    run.until_stdout("(sleep) has ended");
    // So many times the limit, and ten looks.
    run.pump_for(Duration::from_secs(1));
    run.signal(Signal::TERM);
    let end = ends(&dir, run, 0);
    end.says("strays:     1 found, 1 ended");
    assert_eq!(end.stderr, "", "{end:?}");
}

#[test]
fn a_stop_at_any_time_leaves_no_process_and_no_partial_file() {
    // catches: a server that is started after the stop, or lost between fork and stop; a death that
    // is one of the stop's
    let dir = folder("web-stops", &["a.png", "b.png", "c.png"]);
    for (number, signal) in [Signal::INT, Signal::TERM].into_iter().cycle().take(8).enumerate() {
        let mut run = dir.studio().arg("--web").start();
        run.until_stdout("3 pictures in ");
        // The property holds at any moment; these spread over the start of the server, and some
        // time after.
        run.pump_for(Duration::from_millis(number as u64 * 15));
        run.signal(signal);
        let end = ends(&dir, run, if signal == Signal::INT { 130 } else { 0 });
        assert_eq!(end.stderr, "", "{end:?}");
        whole_files(&dir.out());
    }
    // In the pause before it is started again: the first restart has none.
    let (mut run, address) = shown(&dir, "", &[]);
    kill(pid_at(&address), Signal::KILL);
    run.until_stdout(&format!("the contact sheet is again at http://{address}/"));
    kill(pid_at(&address), Signal::KILL);
    run.until_stderr("a run failed, run: 2");
    run.signal(Signal::TERM);
    ends(&dir, run, 0);
    assert_eq!(whole_files(&dir.out()), 3);
}

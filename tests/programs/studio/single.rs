//! The single instance: the second studio hands over, exactly one is first, and nobody else gets a word in.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use image::ImageFormat;
use rustix::process::{Signal, geteuid};

use crate::studio::call::{End, PATIENCE, Run, Studio};
use crate::studio::folders::{Folder, folder, picture, unzip, whole_files};
use crate::studio::place::{Runtime, eventually, get, servers};

const NOBODY: u32 = 65_534;

fn single(dir: &Folder, runtime: &Runtime) -> Studio {
    let mut studio = dir.studio();
    studio.arg("--single").env("XDG_RUNTIME_DIR", runtime.text());
    studio
}

/// One that is first, and stays.
fn first(dir: &Folder, runtime: &Runtime) -> Run {
    let mut run = single(dir, runtime).arg("--watch").start();
    run.until_stdout("watching ");
    run
}

/// A second one, with pictures of its own.
fn second(dir: &Folder, runtime: &Runtime, pictures: &Path) -> Studio {
    let mut studio = Studio::new();
    studio.arg(pictures).arg("--out").arg(dir.out()).arg("--single").env("XDG_RUNTIME_DIR", runtime.text());
    studio
}

/// A folder with one picture, old enough for `--watch`.
fn more_pictures(dir: &Folder, name: &str) -> PathBuf {
    let folder = dir.0.join(name);
    let path = folder.join("a.png");
    picture(&path, ImageFormat::Png);
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    folder
}

/// At whose other end nobody is.
fn pipe(dir: &Folder) -> PathBuf {
    let pipe = dir.0.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    pipe
}

/// What the first answers to these bytes; nothing if it hangs up.
fn answer(runtime: &Runtime, request: &[u8]) -> String {
    let mut stream = UnixStream::connect(runtime.socket()).unwrap();
    let _cut_off = stream.write_all(request);
    let _hung_up = stream.shutdown(Shutdown::Write);
    let mut answer = String::new();
    let _reset = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn a_second_studio_hands_its_folder_over() {
    // catches: a folder that is acknowledged and forgotten; equal names that overwrite each other; files left behind
    let dir = folder("single", &["a.png", "b.png"]);
    let runtime = Runtime::new();
    let others = more_pictures(&dir, "others");
    let mut run = first(&dir, &runtime);
    let end = second(&dir, &runtime, &others).start().end();
    assert_eq!((end.code, end.stderr.as_str()), (Some(0), ""), "{end:?}");
    end.says(&format!("handed over to the studio that is running: {}", others.display()));
    run.until_stdout(&format!("1 picture more in {}", others.display()));
    // Again: it is known, and nothing in it is new. And the folder that the first began with, under another name.
    let again = second(&dir, &runtime, &others.join("../others")).start().end();
    assert_eq!(again.code, Some(0), "{again:?}");
    run.until_stdout(&format!("0 pictures more in {}", others.display()));
    assert_eq!(second(&dir, &runtime, &dir.pictures().join(".")).start().end().code, Some(0));
    run.until_stdout(&format!("0 pictures more in {}", dir.pictures().display()));
    // It is watched, like the first's own.
    picture(&others.join("later.png"), ImageFormat::Png);
    run.until_stdout("4 of 4 (100 %)");
    // What is no folder is told by the second, and nobody is asked.
    let missing = second(&dir, &runtime, &dir.0.join("missing")).start().end();
    assert_eq!(missing.code, Some(1), "{missing:?}");
    run.signal(Signal::TERM);
    let end = run.end();
    assert_eq!((end.code, end.stderr.as_str()), (Some(0), ""), "{end:?}");
    end.counts(4, 4, 0, 0).says("orphaned: 0");
    assert_eq!(whole_files(&dir.out()), 4);
    assert!(fs::read_to_string(dir.out().join("index.html")).unwrap().contains("others/later.png"));
    assert_eq!(runtime.left(), [""; 0]);
}

#[test]
fn without_watch_what_was_taken_is_made() {
    // catches: an acknowledgement that comes after the last look into the inbox
    let names: Vec<_> = (0..8).map(|number| format!("{number}.png")).collect();
    let dir = folder("single-short", &names.iter().map(String::as_str).collect::<Vec<_>>());
    let runtime = Runtime::new();
    let pipe = pipe(&dir);
    let mut studio = single(&dir, &runtime);
    // The only worker waits, the queue is full, and so the intake waits too.
    let mut run =
        studio.env("STUDIO_FAULT", "await:0.png").env("STUDIO_PIPE", pipe.to_str().unwrap()).start();
    run.until_stdout("thumbs-1 awaits");
    run.until_stdout("8 pictures in ");
    for name in ["others", "more-others"] {
        let end = second(&dir, &runtime, &more_pictures(&dir, name)).start().end();
        assert_eq!(end.code, Some(0), "{end:?}");
    }
    let _open = fs::File::options().write(true).open(&pipe).unwrap();
    let end = run.end();
    assert_eq!(end.code, Some(0), "{end:?}");
    end.counts(10, 10, 0, 0).says("Done.");
    assert_eq!(runtime.left(), [""; 0]);
}

#[test]
fn one_that_comes_at_any_time_is_taken_or_is_told_why_not() {
    // catches: a folder that two think the other makes
    let dir = folder("single-any-time", &["a.png", "b.png", "c.png"]);
    let runtime = Runtime::new();
    for round in 0..6 {
        let others = more_pictures(&dir, &format!("others-{round}"));
        let mut run = single(&dir, &runtime).start();
        run.until_stdout("3 pictures in ");
        run.pump_for(Duration::from_millis(round * 10));
        let second = second(&dir, &runtime, &others).start().end();
        let end = run.end();
        assert_eq!(end.code, Some(0), "{end:?}");
        let taken = usize::from(second.stdout.contains("handed over"));
        end.counts(3 + taken, 3 + taken, 0, 0);
        // Else it was refused; or there was nobody any more, and it was first itself.
        let refusals =
            ["at its end", "another studio is writing there", "gone without an answer", "reset by peer"];
        let refused = second.code == Some(1) && refusals.iter().any(|why| second.stderr.contains(why));
        let made = second.code == Some(0) && second.stdout.contains("thumbnails: 1");
        assert!(taken == 1 || refused || made, "{second:?} beside {end:?}");
    }
    assert_eq!(runtime.left(), [""; 0]);
}

#[test]
fn another_folder_of_results_is_another_studio() {
    // catches: pictures that go where nobody asked for
    let (dir, other) = (folder("single-one", &["a.png"]), folder("single-two", &["a.png"]));
    let runtime = Runtime::new();
    let run = first(&dir, &runtime);
    let end = single(&other, &runtime).start().end();
    assert_eq!(end.code, Some(0), "{end:?}");
    end.counts(1, 1, 0, 0);
    // Nor is one that did not ask for it drawn in, or draws in.
    let end = dir.studio().env("XDG_RUNTIME_DIR", runtime.text()).start().end();
    assert_eq!(end.code, Some(1), "{end:?}");
    assert!(end.stderr.contains("another studio is writing there"), "{end:?}");
    run.signal(Signal::TERM);
    run.end().counts(1, 1, 0, 0);
    let mut loner = dir.studio().arg("--watch").start();
    loner.until_stdout("watching ");
    let end = single(&dir, &runtime).start().end();
    assert_eq!(end.code, Some(1), "{end:?}");
    assert!(end.stderr.contains("another studio is writing there"), "{end:?}");
}

/// Ten at once, twice: with nothing there, and with the socket of one that was killed.
#[test]
fn of_ten_that_start_at_once_one_is_first() {
    // catches: the double take-over, the early knock (see the head of examples/studio/instance.rs)
    let dir = folder("single-ten", &[]);
    let runtime = Runtime::new();
    let others: Vec<_> = (0..10).map(|number| more_pictures(&dir, &format!("others-{number}"))).collect();
    // Each waits for somebody to open the other end of the pipe, then becomes the studio.
    let (pipe, script) = (pipe(&dir), ": < \"$0\"; exec \"$@\"");
    let front = ["-c", script, pipe.to_str().unwrap()];
    for round in 0..2 {
        assert_eq!(runtime.left().len(), 2 * round, "in the second round there are socket and lock");
        let start = |pictures| second(&dir, &runtime, pictures).through("sh", &front).arg("--watch").start();
        let runs: Vec<_> = others.iter().map(|pictures| start(pictures)).collect();
        let _open = fs::File::options().write(true).open(&pipe).unwrap();
        let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
        for mut run in runs {
            match run.until_one_of(&["handed over to the studio", "watching "]) {
                0 => seconds.push(run.end()),
                _ => firsts.push(run),
            }
        }
        assert_eq!((firsts.len(), seconds.len()), (1, 9));
        assert!(seconds.iter().all(|end| end.code == Some(0)), "{seconds:?}");
        let mut run = firsts.pop().unwrap();
        run.until_stdout("10 of 10 (100 %)");
        if round == 0 {
            run.kill();
        } else {
            run.signal(Signal::TERM);
            run.end().counts(10, 10, 0, 0).says("orphaned: 0");
        }
    }
    assert_eq!(runtime.left(), [""; 0]);
}

/// The first is in the moment between its lock and its socket.
#[cfg(target_os = "linux")]
#[test]
fn one_that_comes_too_early_waits_at_the_gate() {
    // catches: the early knock (see the head of examples/studio/instance.rs)
    let dir = folder("single-early", &["a.png"]);
    let runtime = Runtime::new();
    let pipe = pipe(&dir);
    let mut studio = single(&dir, &runtime);
    studio.arg("--watch").env("STUDIO_FAULT", "early:knock").env("STUDIO_PIPE", pipe.to_str().unwrap());
    let mut run = studio.start();
    run.until("it has the lock", |_, _| runtime.left() == ["lock"]);
    let mut early = second(&dir, &runtime, &more_pictures(&dir, "others")).start();
    // The kernel lists who waits for a lock, behind an arrow.
    let waits = |line: &str| line.contains("-> FLOCK") && line.contains(&format!(" {} ", early.pid()));
    eventually("it waits", || fs::read_to_string("/proc/locks").unwrap().lines().any(waits));
    let _open = fs::File::options().write(true).open(&pipe).unwrap();
    early.until_stdout("handed over to the studio");
    assert_eq!(early.end().code, Some(0));
    run.until_stdout("2 of 2 (100 %)");
    run.signal(Signal::TERM);
    assert_eq!(run.end().code, Some(0));
}

#[test]
fn what_a_killed_studio_leaves_behind_is_no_trouble() {
    // catches: a web server that outlives it; a socket or a lock of the dead that keeps the living out; half a file
    let dir = folder("single-killed", &["a.png", "b.png"]);
    let runtime = Runtime::new();
    let start = |fault: &str| {
        let mut studio = single(&dir, &runtime);
        let mut run = studio.arg("--watch").arg("--web").env("STUDIO_FAULT", fault).start();
        run.until_stdout("the contact sheet is at http://");
        run
    };
    for _ in 0..3 {
        // The first picture is in hand, the second in the queue.
        let mut run = start("load:a.png");
        run.until_stdout("thumbs-1 loads");
        assert_eq!(servers(&dir.out()).len(), 1);
        let pid = run.pid();
        run.kill();
        assert_eq!(runtime.left(), ["lock", "sock"], "these, and no file of results that is not whole");
        assert_eq!(whole_files_of_a_killed(&dir.out()), 0);
        // The kernel has sent it SIGKILL with the end of the studio.
        eventually("the web server is over", || servers(&dir.out()).is_empty());
        assert_eq!(
            UnixStream::connect(runtime.socket()).unwrap_err().kind(),
            ErrorKind::ConnectionRefused,
            "{pid}"
        );
    }
    let mut run = start("");
    let address = run.said("contact sheet is at http://").unwrap().trim_end_matches('/').to_owned();
    run.until("both are on the page", |_, _| {
        let page = String::from_utf8(get(&address, "/").1).unwrap();
        page.contains("a.png<br>") && page.contains("b.png<br>")
    });
    run.signal(Signal::TERM);
    let end = run.end();
    assert_eq!((end.code, end.stderr.as_str()), (Some(0), ""), "{end:?}");
    end.counts(2, 2, 0, 0).says("orphaned: 0");
    assert_eq!(whole_files(&dir.out()), 2);
    assert_eq!((runtime.left(), servers(&dir.out())), (vec![], vec![]));
}

/// As `whole_files`, but for what was being written at that moment under a name that the next start sweeps up.
fn whole_files_of_a_killed(out: &Path) -> usize {
    for dir in [out.to_owned(), out.join("thumbs")] {
        for entry in fs::read_dir(dir).unwrap().flatten() {
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(".studio-")) {
                fs::remove_file(entry.path()).unwrap();
            }
        }
    }
    whole_files(out)
}

#[test]
fn one_that_is_at_its_end_takes_nothing() {
    // catches: a folder that is acknowledged by one that stops, and never looked at without a word
    let dir = folder("single-end", &["a.png"]);
    let runtime = Runtime::new();
    let others = more_pictures(&dir, "others");
    let mut studio = single(&dir, &runtime);
    let mut run = studio.arg("--watch").arg("--grace").arg("60").env("STUDIO_FAULT", "hang:a.png").start();
    run.until_stdout("thumbs-1 hangs");
    run.until_stdout("watching ");
    run.signal(Signal::TERM);
    run.until_stdout("stopping: ");
    // Until the intake is home, it still takes folders, and says what became of them.
    let mut taken = 0;
    run.until("one is refused", |_, _| {
        let end = second(&dir, &runtime, &others).start().end();
        taken += usize::from(end.code == Some(0));
        assert!(
            end.code == Some(0) || end.stderr.contains("it is at its end, and takes nothing more"),
            "{end:?}"
        );
        end.code == Some(1)
    });
    run.until("each that was taken is told", |_, stderr| {
        stderr.matches("was handed over, and not searched before the stop").count() == taken
    });
    run.kill();
}

#[test]
fn nonsense_on_the_socket_is_refused() {
    // catches: a relative path, a path without end, a silent client that keeps the others out
    let dir = folder("single-nonsense", &["a.png"]);
    let runtime = Runtime::new();
    let mut run = first(&dir, &runtime);
    let hello = b"studio-handover 1\n";
    let long = [hello.as_slice(), b"/", &[b'x'; 100_000]].concat();
    for request in
        [b"".as_slice(), b"GET / HTTP/1.1\r\n\r\n", hello, &[hello.as_slice(), b"a/b"].concat(), &long]
    {
        let answer = answer(&runtime, request);
        assert!(answer == "this is no request" || request.len() > 10_000 && answer.is_empty(), "{answer}");
    }
    assert_eq!(answer(&runtime, &[hello.as_slice(), b"/a\0b"].concat()), "this is no request");
    // One that says nothing has the others wait for a moment.
    let silent = UnixStream::connect(runtime.socket()).unwrap();
    assert_eq!(second(&dir, &runtime, &more_pictures(&dir, "others")).start().end().code, Some(0));
    drop(silent);
    // A folder that is gone when it is looked at is a problem, and no end.
    assert_eq!(answer(&runtime, &[hello.as_slice(), b"/no/such/folder"].concat()), "taken");
    run.until_stderr("/no/such/folder: ");
    run.signal(Signal::TERM);
    run.end().counts(2, 2, 0, 0);
}

#[test]
fn another_user_is_refused() {
    // catches: a socket that everybody may use; modes as the only guard
    if !geteuid().is_root() {
        return eprintln!("skipped: only root can become another user to try");
    }
    let dir = folder("single-users", &["a.png"]);
    let runtime = Runtime::new();
    let mut run = first(&dir, &runtime);
    let socket = runtime.socket();
    let mode = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&runtime.inner()), mode(&socket)), (0o700, 0o600));
    let request = [b"studio-handover 1\n".as_slice(), dir.pictures().as_os_str().as_encoded_bytes()].concat();
    // A thread that becomes somebody else, and ends.
    let as_nobody = |socket: PathBuf, request: Vec<u8>| {
        let thread = std::thread::spawn(move || {
            rustix::thread::set_thread_uid(rustix::fs::Uid::from_raw(NOBODY)).unwrap();
            let mut stream = UnixStream::connect(socket)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(&request)?;
            stream.shutdown(Shutdown::Write)?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).map(|_| answer)
        });
        thread.join().unwrap()
    };
    let kept_out = as_nobody(socket.clone(), request.clone());
    assert_eq!(kept_out.unwrap_err().kind(), ErrorKind::PermissionDenied);
    // Somebody has opened all doors.
    for (path, mode) in [(&runtime.0, 0o711), (&runtime.inner(), 0o711), (&socket, 0o666)] {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    let refused = as_nobody(socket.clone(), request.clone());
    assert!(refused.as_ref().map_or(true, String::is_empty), "{refused:?}");
    run.until_stderr("a process of user 65534 was refused");
    assert_eq!(answer(&runtime, &request), "taken", "we ourselves are not");
    run.signal(Signal::TERM);
    assert_eq!(run.end().code, Some(0));
}

/// A start that finds this in place of its runtime folder, since there is no `$XDG_RUNTIME_DIR`.
fn with(dir: &Folder, runtime: &Runtime, prepare: impl FnOnce(&Path)) -> End {
    let place = runtime.0.join(format!("homebound-studio-{}", geteuid().as_raw()));
    prepare(&place);
    let end =
        dir.studio().arg("--single").env("XDG_RUNTIME_DIR", "").env("TMPDIR", runtime.text()).start().end();
    let _any_kind = fs::remove_file(&place).or_else(|_| fs::remove_dir_all(&place));
    end
}

#[test]
fn a_runtime_folder_that_is_not_ours_alone_is_refused() {
    // catches: a folder in /tmp that somebody has made for us, and in which he listens
    let dir = folder("single-runtime", &["a.png"]);
    let runtime = Runtime::new();
    let make = |path: &Path, mode: u32| DirBuilder::new().mode(mode).create(path).unwrap();
    let wide = with(&dir, &runtime, |path| {
        make(path, 0o700);
        fs::set_permissions(path, Permissions::from_mode(0o770)).unwrap();
    });
    let elsewhere = runtime.0.join("elsewhere");
    make(&elsewhere, 0o700);
    let link = with(&dir, &runtime, |path| symlink(&elsewhere, path).unwrap());
    let file = with(&dir, &runtime, |path| fs::write(path, "").unwrap());
    let mut refused =
        vec![(wide, "others may enter it (mode 770)"), (link, "not a folder"), (file, "not a folder")];
    if geteuid().is_root() {
        let foreign = with(&dir, &runtime, |path| {
            make(path, 0o700);
            std::os::unix::fs::chown(path, Some(NOBODY), None).unwrap();
        });
        refused.push((foreign, "it belongs to user 65534"));
        // As after `su`: the session's folder is another's.
        let session = runtime.0.join("session");
        make(&session, 0o700);
        std::os::unix::fs::chown(&session, Some(NOBODY), None).unwrap();
        let mut studio = dir.studio();
        studio
            .arg("--single")
            .env("XDG_RUNTIME_DIR", session.to_str().unwrap())
            .env("TMPDIR", runtime.text());
        assert_eq!(studio.start().end().code, Some(0));
        assert_eq!(fs::read_dir(&session).unwrap().count(), 0);
    } else {
        eprintln!("skipped in part: only root can make a folder that is another user's");
    }
    for (end, why) in refused {
        assert_eq!(end.code, Some(1), "{end:?}");
        assert!(end.stderr.contains("no runtime folder") && end.stderr.contains(why), "{why}: {end:?}");
    }
    let good = with(&dir, &runtime, |_| ());
    assert_eq!(good.code, Some(0), "{good:?}");
}

#[test]
fn a_bundle_is_written_when_a_signal_asks_for_it() {
    // catches: diagnostics that one gets only from a program that comes to its end
    let dir = folder("wish", &["a.png"]);
    let mut run = dir.studio().arg("--watch").env("STUDIO_FAULT", "hang:a.png").start();
    run.until_stdout("thumbs-1 hangs");
    run.until_stdout("watching ");
    run.signal(Signal::USR1);
    run.until_stdout("bundle: diagnostics.zip is written");
    let dump = unzip(&dir.out(), "dump.txt");
    assert!(dump.contains("when this bundle was asked for") && dump.contains("thumbs-1"), "{dump}");
    assert!(unzip(&dir.out(), "report.txt").contains("in the middle of the run"));
    run.kill();
}

//! A killed studio, nonsense on the socket, and other users are no trouble for the next studio.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::{answer, first, more_pictures, second, single};
use crate::studio::call::{End, PATIENCE};
use crate::studio::folders::{Folder, folder, unzip, whole_files};
use crate::studio::place::{Runtime, eventually, get, servers};
use rustix::process::{Signal, geteuid};

const NOBODY: u32 = 65_534;

#[test]
fn what_a_killed_studio_leaves_behind_is_no_trouble() {
    // catches: a web server that outlives it; a socket or a lock of the dead that keeps the living
    // out; half a file
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
    let address = run.said("contact sheet is at http://").trim_end_matches('/').to_owned();
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

/// As `whole_files`, but for what was being written at that moment under a name that the next start
/// sweeps up.
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
    // A silent visitor makes the others wait for a moment.
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
    // catches: a folder in /tmp that another user has made for us, and in which that user listens
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

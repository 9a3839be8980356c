//! Child processes: in the tree, stopped with it, always reaped, never in the way. The children are shells and coreutils.
#![cfg(target_os = "linux")]
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

mod terminal;

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common::{
    NEVER, all_threads, boom, child, child_passes, disconnected, eventually, gate, in_scope, linger, origin,
    say, within,
};
use homebound::registry::Registry;
use homebound::{
    Ending, Line, OnExit, OnOverdue, Process, ProcessFailed, Role, ScopeError, Signals, SpawnError,
    StopReason, WaitError, scope,
};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process, waitid};

fn sh(script: &str) -> Command {
    command("/bin/sh", &["-c", script])
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command
}

/// A child that ends only when it is told.
fn sleeper() -> Command {
    command("sleep", &["1000"])
}

/// The kernel's letter for what a process does; `None` once it is gone.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.get(stat.rfind(')')? + 1..)?.trim_start().chars().next()
}

/// Nothing of it runs any more. Whoever inherits an orphan may leave it a zombie: that is not ours to see to.
fn is_over(pid: u32) -> bool {
    matches!(state(pid), None | Some('Z' | 'X'))
}

fn pid(line: &Line) -> u32 {
    line.parse().expect("the child prints a pid")
}

/// The child's first line: from then on it has done what its script does before.
#[track_caller]
fn first_line(process: &Process<'_>) -> Line {
    process.stdout_lines().recv_timeout(crate::common::LIMIT).expect("the child prints a line")
}

fn only_failure(result: Result<(), ScopeError>) -> ProcessFailed {
    let error = result.expect_err("the child's end is a failure");
    assert_eq!(error.failures().len(), 1, "{error}");
    error.failures()[0].downcast_ref::<ProcessFailed>().expect("of the child").clone()
}

#[test]
fn how_it_ended_is_told() {
    in_scope(|scope| {
        // catches: a status that is lost, or that of another way to end.
        for (script, code, signal) in
            [("exit 0", Some(0), None), ("exit 3", Some(3), None), ("kill -9 $$", None, Some(9))]
        {
            let child = scope.process("child", "ends", sh(script)).on_exit(OnExit::Ignore).spawn()?;
            let status = child.wait()?;
            assert_eq!((status.code(), status.signal()), (code, signal), "{script}");
            assert_eq!(child.wait()?, status, "asked again");
            assert!(disconnected(child.done()) && disconnected(child.stdout_lines()));
        }
        Ok(())
    });
}

#[test]
fn a_code_that_is_not_zero_is_a_failure_of_the_scope() {
    within(|| {
        // catches: a child whose failure nobody hears of.
        let failed = only_failure(scope(|scope| {
            scope.process("child", "fails", sh("exit 3")).spawn()?;
            scope.context().wait_for_stop();
            Ok(())
        }));
        assert_eq!(failed.status.code(), Some(3));
        let text = failed.to_string();
        assert!(text.contains(r#"/bin/sh -c "exit 3""#) && text.contains("exit status: 3"), "{text}");
        // catches: a failure without one.
        scope(|scope| {
            assert!(scope.process("child", "ends", sh("exit 0")).spawn()?.wait()?.success());
            scope.context().checkpoint()?;
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn a_child_killed_from_outside_is_a_failure() {
    within(|| {
        // catches: an end by a signal that counts as none, and one that waits for a stop to be seen.
        let failed = only_failure(scope(|scope| {
            let child = scope.process("child", "is killed", sleeper()).spawn()?;
            kill_process(Pid::from_raw(child.pid() as i32).unwrap(), Signal::KILL)?;
            scope.context().wait_for_stop();
            Ok(())
        }));
        assert_eq!(failed.status.signal(), Some(9));
    });
}

#[test]
fn a_child_of_which_the_scope_is_made_stops_it() {
    within(|| {
        for script in ["exit 0", "exit 3"] {
            // catches: `StopScope` that stops only when the child failed, or hides that it did.
            let result = scope(|scope| {
                scope.process("main", "is what all is for", sh(script)).on_exit(OnExit::StopScope).spawn()?;
                let reason = scope.context().wait_for_stop();
                assert!(
                    matches!(origin(&reason), StopReason::Vital { path } if path.ends_with("/main")),
                    "{reason}"
                );
                Ok(())
            });
            assert_eq!(result.is_err(), script == "exit 3");
        }
    });
}

#[test]
fn who_was_asked_to_end_has_not_failed() {
    in_scope(|scope| {
        // catches: the signal that we sent ourselves, listed as a failure.
        let stopped = scope.process("stopped", "is stopped", sleeper()).spawn()?;
        stopped.stop();
        assert_eq!(stopped.wait()?.signal(), Some(15));
        let signalled = scope.process("signalled", "gets a signal", sleeper()).spawn()?;
        signalled.signal(10)?;
        assert_eq!(signalled.wait()?.signal(), Some(10));
        // catches: a signal to whoever has the pid now; a number that reaches the kernel as it is.
        assert_eq!(signalled.signal(10).unwrap_err().kind(), std::io::ErrorKind::NotFound);
        let live = scope.process("live", "is there", sleeper()).spawn()?;
        assert_eq!(live.signal(0).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
        assert_eq!(live.signal(9999).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
        Ok(())
    });
}

#[test]
fn a_signal_reaches_the_child() {
    in_scope(|scope| {
        let script = "trap 'echo got; exit 0' USR1; echo ready; while :; do sleep 0.01; done";
        let child = scope.process("child", "heeds SIGUSR1", sh(script)).lines().spawn()?;
        assert_eq!(&*first_line(&child), "ready");
        child.signal(10)?;
        // catches: a signal that is sent as another, or to nobody.
        assert_eq!(&*first_line(&child), "got");
        assert!(child.wait()?.success());
        Ok(())
    });
}

#[test]
fn the_stop_of_the_scope_ends_the_child_after_its_users() {
    within(|| {
        let result = scope(|scope| {
            let child = scope.process("server", "serves", sleeper()).spawn()?;
            let pid = child.pid();
            let user = scope.spawn("user", "uses the server until its end", move |cx| {
                cx.wait_for_stop();
                // catches: a child that is stopped before the workers are home.
                linger(20);
                assert!(!is_over(pid), "its user is not done");
                Ok(pid)
            })?;
            scope.stop();
            let pid = user.join()?;
            // catches: a wait that goes on after the stop of the one who waits.
            assert!(matches!(child.wait(), Err(WaitError::Stopped(_))));
            Err::<(), _>(boom(&pid.to_string()))
        });
        let error = result.unwrap_err();
        // catches: a scope that returns before its child was reaped; a row that does not tell how it ended.
        let pid: u32 = error.first().unwrap().to_string().rsplit(' ').next().unwrap().parse()?;
        assert_eq!(state(pid), None);
        let row = error.report().threads.iter().find(|row| row.name == "server").unwrap();
        assert_eq!(row.ending, Ending::Stopped, "{row}");
        let process = row.process.as_ref().unwrap();
        assert_eq!((process.pid, process.command.as_str()), (pid, "sleep 1000"));
        assert!(process.exit.as_ref().unwrap().contains("15"), "{row}");
        let text = error.report().to_string();
        assert!(text.contains(&format!("(process: serves)  pid {pid} `sleep 1000` signal: 15")), "{text}");
        Ok::<(), std::num::ParseIntError>(())
    })
    .unwrap();
}

#[test]
fn a_child_that_ignores_sigterm_is_killed_after_its_grace() {
    child_passes(|_| {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = Arc::clone(&heard);
        let told =
            crate::common::subscriber::Told::new(move |line: &str| ear.lock().unwrap().push(line.to_owned()));
        tracing::subscriber::set_global_default(told).unwrap();
        let grace = Duration::from_millis(100);
        in_scope(move |scope| {
            let script = "trap '' TERM; echo ready; while :; do sleep 1000; done";
            let child = scope.process("deaf", "ignores SIGTERM", sh(script)).grace(grace).lines().spawn()?;
            assert_eq!(&*first_line(&child), "ready");
            let asked = Instant::now();
            child.stop();
            // catches: a child that is never killed; one that is killed at once.
            assert_eq!(child.wait()?.signal(), Some(9));
            assert!(asked.elapsed() >= grace);
            Ok(())
        });
        // catches: force without a word.
        let heard = heard.lock().unwrap();
        let warned = |line: &&String| line.contains("WARN homebound::process") && line.contains("SIGKILL");
        assert_eq!(heard.iter().filter(warned).count(), 1, "{heard:#?}");
        0
    });
}

#[test]
fn a_grace_longer_than_the_scopes_does_not_make_it_late() {
    child_passes(|_| {
        let exit =
            Registry::new("test").grace(Duration::from_secs(2)).signals(Signals::none()).run(|scope| {
                let script = "trap '' TERM; echo ready; while :; do sleep 1000; done";
                let child =
                    scope.process("deaf", "ignores SIGTERM", sh(script)).grace(NEVER).lines().spawn()?;
                assert_eq!(&*first_line(&child), "ready");
                scope.stop();
                Ok(())
            });
        // catches: a child that lives until its program is ended for it, with code 70; one that is killed at once.
        assert_eq!(exit.code(), 0, "{}", exit.shutdown);
        assert!(exit.shutdown.duration >= Duration::from_secs(1), "{}", exit.shutdown);
        0
    });
}

#[test]
fn a_child_that_is_suspended_is_asked_to_end_too() {
    in_scope(|scope| {
        let script = "trap 'exit 7' TERM; echo $$; kill -STOP $$; while :; do sleep 0.01; done";
        let child = scope.process("suspended", "stands still", sh(script)).grace(NEVER).lines().spawn()?;
        let pid = pid(&first_line(&child));
        eventually("it is suspended", || state(pid) == Some('T'));
        child.stop();
        // catches: a SIGTERM that stays pending until the grace is over.
        assert_eq!(child.wait()?.code(), Some(7));
        Ok(())
    });
}

#[test]
fn the_stop_reaches_all_of_the_group() {
    in_scope(|scope| {
        let inner = "trap 'echo told; exit 0' TERM; echo ready; while :; do sleep 0.01; done";
        let script = format!("trap 'wait; exit 7' TERM; sh -c \"{inner}\" & wait");
        let child = scope.process("shell", "waits for another", sh(&script)).grace(NEVER).lines().spawn()?;
        assert_eq!(&*first_line(&child), "ready");
        child.stop();
        // catches: a signal to the child alone, which waits for the other.
        assert_eq!(child.wait()?.code(), Some(7));
        assert_eq!(&*first_line(&child), "told");
        Ok(())
    });
}

#[test]
fn a_grandchild_that_keeps_the_pipe_holds_nobody_up() {
    in_scope(|scope| {
        // It leaves the group as well: nothing ends it but this test.
        let script = "trap 'printf unfinished; exit 0' USR1; \
                      setsid sh -c 'echo $$; kill -USR1 $0; exec sleep 1000' $$ & wait; wait";
        let child = scope.process("parent", "leaves a child behind", sh(script)).lines().spawn()?;
        // catches: a wait for the end of a pipe that others hold.
        assert!(child.wait()?.success());
        // catches: output of the child that is not taken any more; a channel that does not end.
        let lines: Vec<Line> = child.stdout_lines().iter().collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!(&*lines[1], "unfinished");
        let left = Pid::from_raw(pid(&lines[0]) as i32).unwrap();
        kill_process(left, Signal::KILL).expect("who leaves the group is let go");
        Ok(())
    });
}

#[test]
fn the_group_ends_with_the_child() {
    in_scope(|scope| {
        let script = "trap '' TERM; sleep 1000 & echo $!; exit 0";
        let child = scope.process("parent", "leaves a child behind", sh(script)).lines().spawn()?;
        assert!(child.wait()?.success());
        let grandchild = pid(&first_line(&child));
        // catches: what nobody looks after any more, left behind.
        eventually("the grandchild is over", || is_over(grandchild));
        Ok(())
    });
}

#[test]
fn a_flood_that_nobody_reads_holds_nobody_up() {
    for lossy in [true, false] {
        in_scope(move |scope| {
            let child = scope.process("flood", "prints without end", command("yes", &[]));
            let child = if lossy { child.lines_lossy() } else { child.lines() }.spawn()?;
            if lossy {
                assert!(child.stdout_lines().len() <= 1024);
            }
            eventually("lines are lost", || child.lost_lines() > 0);
            let before = child.lost_lines();
            // catches: a child that waits for a reader; lines that pile up.
            eventually("more lines are lost", || child.lost_lines() > before);
            child.stop();
            assert_eq!(child.wait()?.signal(), Some(15));
            // catches: the newest dropped instead of the oldest; a gap that one cannot see.
            let lines: Vec<Line> = child.stdout_lines().iter().collect();
            assert_eq!(lines.len(), 1024);
            assert_eq!(lines[0].number, child.lost_lines() + 1);
            assert!(lines.windows(2).all(|pair| pair[1].number == pair[0].number + 1));
            Ok(())
        });
    }
}

#[test]
fn no_line_is_lost_while_somebody_reads() {
    in_scope(|scope| {
        let script = "yes | head -c 2000000; seq 100000 >&2; printf last";
        let child = scope.process("much", "prints much", sh(script)).lines().spawn()?;
        let errors = child.stderr_lines().clone();
        let reader = scope.spawn("reader", "reads the errors, with pauses", move |_| {
            let mut count = 0_u64;
            for line in errors {
                count += 1;
                assert_eq!((line.number, line.parse()), (count, Ok(count)));
                if count.is_multiple_of(30_000) {
                    linger(30);
                }
            }
            Ok(count)
        })?;
        // catches: a queue from which the oldest goes though its reader is at work.
        let mut count = 0;
        for line in child.stdout_lines() {
            count += 1;
            assert_eq!((line.number, &*line), (count, if count > 1_000_000 { "last" } else { "y" }));
        }
        assert_eq!((count, reader.join()?, child.lost_lines()), (1_000_001, 100_000, 0));
        // catches: lines that are lost before their reader has asked for them.
        let child = scope.process("early", "prints much at once", sh("seq 50000")).lines().spawn()?;
        linger(50);
        assert_eq!((child.stdout_lines().iter().count(), child.lost_lines()), (50_000, 0));
        Ok(())
    });
}

#[test]
fn a_child_whose_reader_is_busy_waits_and_one_that_ends_loses_nothing() {
    in_scope(|scope| {
        let script = "seq 200000; echo end >&2";
        let child = scope.process("much", "prints much", sh(script)).lines().spawn()?;
        let lines = child.stdout_lines();
        eventually("the queue is full", || lines.len() == 1024);
        // It has begun to wait, or does now: a look at its errors says that it has not come to its end.
        linger(50);
        // catches: a queue without a bound; a child that goes on without its reader.
        assert!(lines.len() == 1024 && child.stderr_partial().is_empty());
        assert!(!child.done().try_recv().is_err_and(|error| error.is_disconnected()));
        assert_eq!(lines.iter().zip(1_u64..).filter(|(line, n)| line.number == *n).count(), 200_000);
        assert_eq!(child.lost_lines(), 0);
        // What fits into pipe and queue together is printed at once; what is in the pipe at the end does not wait for a reader.
        let child = scope.process("little", "prints little", sh("seq 3000")).lines().spawn()?;
        let lines = child.stdout_lines();
        assert!(child.wait()?.success());
        assert_eq!(lines.iter().map(|line| line.parse::<u64>().unwrap()).sum::<u64>(), 3000 * 3001 / 2);
        assert_eq!(child.lost_lines(), 0);
        Ok(())
    });
}

#[test]
fn a_reader_that_waits_instead_is_no_deadlock() {
    in_scope(|scope| {
        let child = scope.process("much", "prints much", sh("seq 200000")).lines().spawn()?;
        let lines = child.stdout_lines();
        // catches: a child that waits for a reader, who waits for the child.
        assert!(child.wait()?.success());
        let read: Vec<Line> = lines.iter().collect();
        assert_eq!(read.len() as u64 + child.lost_lines(), 200_000);
        assert_eq!(read.last().unwrap().number, 200_000);
        Ok(())
    });
    in_scope(|scope| {
        // It prints much before it heeds SIGTERM.
        let script = "trap 'seq 200000; exit 7' TERM; echo ready; while :; do sleep 0.01; done";
        let child = scope.process("much", "prints much", sh(script)).grace(NEVER).lines().spawn()?;
        assert_eq!(&*first_line(&child), "ready");
        child.stop();
        // catches: a stop that a full queue holds up. Nobody is in `wait`.
        child.done().recv().unwrap_err();
        assert_eq!(child.wait()?.code(), Some(7));
        Ok(())
    });
    // The same, when the child's handle is gone, and a copy of its receiver is not.
    let lines = within(|| {
        scope(|scope| {
            let script = "trap 'seq 200000; exit 7' TERM; echo ready; while :; do sleep 0.01; done";
            let child = scope.process("much", "prints much", sh(script)).grace(NEVER).lines().spawn()?;
            let lines = child.stdout_lines().clone();
            assert_eq!(&*lines.recv()?, "ready");
            Ok(lines)
        })
    });
    let count = lines.unwrap().iter().count();
    assert!((1000..100_000).contains(&count), "{count}");
}

#[test]
fn a_reader_who_is_gone_holds_nobody_up() {
    in_scope(|scope| {
        let child = scope.process("much", "prints much", sh("seq 200000"));
        let child = child.on_exit(OnExit::StopScope).lines().spawn()?;
        assert_eq!(&*first_line(&child), "1");
        drop(child);
        // catches: lines that are kept for nobody, and a child that waits for him.
        scope.context().wait_for_stop();
        Ok(())
    });
}

#[test]
fn a_line_that_has_not_ended_can_be_asked_for() {
    in_scope(|scope| {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "printf 'a\\nname? '; printf 'err: ' >&2; read name; printf \"$name\"; read end; exit 0",
        ]);
        let child = scope.process("asks", "asks", {
            command.stdin(Stdio::piped());
            command
        });
        let child = child.lines().spawn()?;
        let mut input = child.take_stdin().expect("piped");
        eventually("it asks", || child.stdout_partial() == "name? " && child.stderr_partial() == "err: ");
        assert_eq!(&*first_line(&child), "a");
        input.write_all(b"you\n")?;
        eventually("it says more", || child.stdout_partial() == "name? you");
        // catches: text that is shown and then not in its line; a line that is over and still shown.
        drop(input);
        assert_eq!((&*first_line(&child), &*child.stdout_partial()), ("name? you", ""));
        child.done().recv().unwrap_err();
        Ok(())
    });
}

#[test]
fn a_line_without_end_comes_in_pieces() {
    in_scope(|scope| {
        let script = "head -c 4095 /dev/zero | tr '\\0' x; printf '\\303\\251'; head -c 5000 /dev/zero | tr '\\0' y; \
                      printf '\\r\\nshort\\n\\n\\377 no line feed'; printf 'bad\\n' >&2";
        let child = scope.process("long", "prints long lines", sh(script)).lines().spawn()?;
        let lines: Vec<Line> = child.stdout_lines().iter().collect();
        let sizes: Vec<(usize, bool)> = lines.iter().map(|line| (line.len(), line.cut)).collect();
        // catches: a line without a bound; a character cut in two; text that is lost at a cut, at the end, at `\r`.
        assert_eq!(
            sizes,
            [(4095, true), (4096, true), (5000 + 2 - 4096, false), (5, false), (0, false), (3 + 13, false)]
        );
        assert!(lines[1].starts_with('é') && lines[2].ends_with('y'));
        assert_eq!(lines[5].text, "\u{FFFD} no line feed");
        // catches: the two streams mixed up.
        let errors: Vec<String> = child.stderr_lines().iter().map(|line| line.to_string()).collect();
        assert_eq!(errors, ["bad"]);
        assert_eq!(child.lost_lines(), 0);
        Ok(())
    });
}

#[test]
fn a_child_that_closes_its_output_lives_on() {
    in_scope(|scope| {
        let script = "echo last; exec sleep 1000 >&- 2>&-";
        let child = scope.process("silent", "closes its output", sh(script)).lines().spawn()?;
        assert_eq!(child.stdout_lines().iter().count(), 1);
        // catches: an end of output that counts as an end of the child.
        assert!(matches!(child.wait_timeout(Duration::from_millis(20)), Err(WaitError::TimedOut)));
        let tid = scope.active_threads().iter().find(|t| t.name == "silent").unwrap().os_tid.unwrap();
        let busy = || {
            let stat = std::fs::read_to_string(format!("/proc/self/task/{tid}/schedstat")).unwrap();
            Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
        };
        let before = busy();
        linger(300);
        // catches: a poll that returns at once, for ever, since a closed pipe is ready.
        assert!(busy() - before < Duration::from_millis(50), "it spins: {:?}", busy() - before);
        child.stop();
        assert_eq!(child.wait()?.signal(), Some(15));
        Ok(())
    });
}

#[test]
fn a_thousand_children_leave_nothing_behind() {
    child_passes(|_| {
        let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        in_scope(move |scope| {
            scope.process("true", "ends", command("true", &[])).lines().spawn()?.wait()?;
            let before = descriptors();
            for _ in 0..1000 {
                let child = scope.process("true", "ends", command("true", &[])).lines().spawn()?;
                assert!(child.wait()?.success());
                // catches: a child that is reaped some time after its wait has returned.
                assert_eq!(state(child.pid()), None);
            }
            // catches: descriptors of pipes, of the child, of the stop, left open.
            assert_eq!(descriptors(), before);
            assert!(scope.active_threads().is_empty());
            Ok(())
        });
        // catches: any zombie.
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        assert!(matches!(waitid(WaitId::All, look), Err(Errno::CHILD)));
        0
    });
}

#[test]
fn what_the_system_refuses_is_said_to_the_spawner() {
    in_scope(|scope| {
        let refused = |command: Command| match scope.process("none", "is refused", command).spawn() {
            Err(SpawnError::Os(error)) => (error.kind(), SpawnError::Os(error).to_string()),
            other => panic!("{other:?}"),
        };
        let (kind, text) = refused(command("/no/such/program", &[]));
        // catches: a refusal without the path, or the one of a thread.
        assert_eq!(kind, std::io::ErrorKind::NotFound);
        assert!(text.contains("/no/such/program") && !text.contains("thread"), "{text}");
        let (kind, text) = refused(command("/etc/passwd", &[]));
        assert_eq!(kind, std::io::ErrorKind::PermissionDenied, "{text}");
        let mut lost = command("true", &[]);
        lost.current_dir("/no/such/folder");
        let (_, text) = refused(lost);
        assert!(text.contains("/no/such/folder"), "{text}");
        for _ in 0..100 {
            refused(command("/no/such/program", &[]));
            // catches: a thread, an entry, left by what was not started, if only for a moment.
            assert!(scope.active_threads().is_empty());
        }
        assert!(matches!(scope.process("", "has no name", sleeper()).spawn(), Err(SpawnError::InvalidName)));
        assert!(scope.process("child", "starts after all", command("true", &[])).spawn()?.wait()?.success());
        // catches: a refusal that is a failure of the scope as well.
        scope.context().checkpoint()?;
        Ok(())
    });
}

#[test]
fn a_scope_that_stops_starts_no_child() {
    in_scope(|scope| {
        let marker = std::env::temp_dir().join(format!("homebound-{}", std::process::id()));
        scope.stop();
        let refused =
            scope.process("late", "comes too late", command("touch", &[marker.to_str().unwrap()])).spawn();
        // catches: a child that is started to be killed.
        assert!(matches!(refused, Err(SpawnError::Stopped(_))), "{refused:?}");
        assert!(!Path::new(&marker).exists());
        Ok(())
    });
}

#[test]
#[allow(unsafe_code)]
fn without_sigchld_nothing_is_started() {
    child_passes(|_| {
        // SAFETY: to ignore a signal needs no handler.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
        in_scope(|scope| {
            // catches: a child that the kernel reaps, whose pid may be another's when we signal it.
            let refused = scope.process("child", "is refused", sleeper()).spawn();
            let Err(SpawnError::Os(error)) = refused else { panic!("{refused:?}") };
            assert!(error.to_string().contains("SIGCHLD"), "{error}");
            Ok(())
        });
        0
    });
}

#[test]
#[allow(unsafe_code)]
fn an_end_that_somebody_else_has_taken_is_said() {
    child_passes(|_| {
        let result = within(|| {
            scope(|scope| {
                let child = scope
                    .process("child", "is reaped by others", sleeper())
                    .on_exit(OnExit::Ignore)
                    .spawn()?;
                // SAFETY: to ignore a signal needs no handler. From now on the kernel reaps.
                unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
                child.signal(9)?;
                // Its failure stops this scope, and with it a wait of the body's.
                child.done().recv().unwrap_err();
                // catches: a wait that panics, or invents a status.
                assert!(matches!(child.wait(), Err(WaitError::Disconnected)));
                // catches: a signal to whoever has the pid now.
                assert!(child.signal(9).is_err());
                Ok(())
            })
        });
        let text = result.unwrap_err().to_string();
        assert!(text.contains("something else in this program waits for children"), "{text}");
        0
    });
}

#[test]
fn it_is_in_the_dump_and_in_the_snapshot() {
    in_scope(|scope| {
        let mut command = sleeper();
        command.env("SECRET", "hunter2");
        let child = scope.process("sleeper", "sleeps", command).spawn()?;
        let snapshot = scope.snapshot();
        let row = all_threads(&snapshot).into_iter().find(|row| row.name == "sleeper").unwrap();
        // catches: a child that one sees only in `ps`.
        let process = row.process.expect("it is a process");
        assert_eq!((process.pid, process.command.as_str(), process.exit), (child.pid(), "sleep 1000", None));
        assert_eq!(row.role, Role::Service);
        assert!(row.spawned_from.file().ends_with(file!()));
        let dump = snapshot.to_string();
        let line = format!("sleeper  (process: sleeps)  pid {} `sleep 1000`", child.pid());
        assert!(dump.contains(&line) && dump.contains(concat!("waits: child at ", file!())), "{dump}");
        // catches: an environment with a password in a bug report.
        assert!(!dump.contains("hunter2"));
        Ok(())
    });
}

#[test]
fn a_wait_ends_on_the_stop_of_the_one_who_waits() {
    in_scope(|scope| {
        let child = scope.process("endless", "does not end", sleeper()).spawn()?;
        assert!(matches!(child.wait_timeout(Duration::from_millis(5)), Err(WaitError::TimedOut)));
        let (waits, waiting) = gate();
        let waiter = scope.spawn("waiter", "waits for the child", move |_| {
            drop(waits);
            // catches: a worker that waits for a service that waits for it.
            let waited: Result<ExitStatus, WaitError> = child.wait();
            assert!(matches!(waited, Err(WaitError::Stopped(_))));
            Ok(child.pid())
        })?;
        crate::common::pass(&waiting);
        waiter.stop();
        let pid = waiter.join()?;
        // catches: a dropped `Process` that takes the child with it.
        assert!(!is_over(pid));
        Ok(())
    });
}

#[test]
fn threads_and_groups_have_children_too() {
    in_scope(|scope| {
        let worker = scope.spawn("worker", "has a child", |cx| {
            let child = cx.process("child", "ends", sh("exit 0")).spawn()?;
            Ok(child.wait()?)
        })?;
        assert!(worker.join()?.success());
        let group = scope.group("web")?;
        let child = group.process("server", "serves", sleeper()).spawn()?;
        assert!(child.path().ends_with("/web/server"), "{}", child.path());
        let pid = child.pid();
        group.close()?;
        // catches: a group that returns before its child is reaped.
        assert_eq!(state(pid), None);
        assert_eq!(child.wait()?.signal(), Some(15));
        Ok(())
    });
}

#[test]
fn its_input_is_ours_if_the_command_says_so() {
    in_scope(|scope| {
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped());
        let child = scope.process("cat", "says what it hears", command).lines().spawn()?;
        let mut input = child.take_stdin().expect("piped");
        assert!(child.take_stdin().is_none() && child.take_stdout().is_none());
        input.write_all(b"hello\n")?;
        assert_eq!(&*first_line(&child), "hello");
        // catches: a second end of the pipe that we keep: the child would never see the end of its input.
        drop(input);
        assert!(child.wait()?.success());
        Ok(())
    });
}

#[test]
fn a_wait_closes_an_input_that_nobody_took() {
    in_scope(|scope| {
        for timed in [false, true] {
            let mut command = Command::new("cat");
            command.stdin(Stdio::piped()).stdout(Stdio::null());
            let child = scope.process("cat", "reads to the end", command).spawn()?;
            // catches: a child that waits for the end of its input, while we wait for the end of the child.
            let status = if timed { child.wait_timeout(crate::common::LIMIT) } else { child.wait() };
            assert!(status?.success());
            assert!(child.take_stdin().is_none());
        }
        Ok(())
    });
}

#[test]
fn when_the_parent_is_killed_the_child_dies() {
    let mut parent = child("", |_| {
        in_scope(|scope| {
            // A thread that ends at once: a child is not bound to the thread that asked for it.
            let process = scope.spawn("short", "starts a child, and ends", |cx| {
                Ok(cx.process("orphan", "outlives nobody", sleeper()).spawn()?)
            })?;
            let process = process.join()?;
            assert!(matches!(process.wait_timeout(Duration::from_millis(20)), Err(WaitError::TimedOut)));
            println!("\npid {}", process.pid());
            say("started");
            scope.context().wait_for_stop();
            Ok(())
        });
        1
    });
    parent.until("started").signal(9);
    let done = parent.finish();
    assert_eq!(done.signal, Some(9));
    let pid = done.out.lines().find_map(|line| line.strip_prefix("pid ")?.parse().ok()).unwrap();
    // catches: a child that lives on when its program has crashed.
    eventually("the child is over", || is_over(pid));
}

#[test]
fn a_group_that_is_killed_after_its_grace_is_gone_when_its_scope_returns() {
    // Outside: an init that does not reap while the program runs. In it, the program.
    fn program(how: &str) -> i32 {
        use rustix::process::{child_subreaper, getpid, set_child_subreaper, test_kill_process};
        if !how.contains("in it") {
            set_child_subreaper(Some(getpid())).unwrap();
            return in_init(how);
        }
        let by_choice = how.starts_with("subreaper").then(getpid);
        set_child_subreaper(by_choice).unwrap();
        let before = child_subreaper().unwrap();
        let helpers = scope(|scope| {
            let script = "trap '' TERM; sh -c 'sleep 1000 & echo $!; wait' & while :; do wait; done";
            let family = |_| {
                scope
                    .process("family", "is deaf", sh(script))
                    .grace(Duration::from_millis(50))
                    .lines()
                    .spawn()
            };
            let families = (0..4).map(family).collect::<Result<Vec<_>, _>>()?;
            Ok(families.iter().map(|child| pid(&first_line(child))).collect::<Vec<_>>())
        });
        for helper in helpers.unwrap() {
            // catches: a helper that is left to the init, as a zombie; one that is adopted and not reaped.
            let helper = Pid::from_raw(helper as i32).unwrap();
            assert_eq!(test_kill_process(helper), Err(Errno::SRCH), "{how}");
        }
        // catches: a process that is a subreaper from then on, and one that was and is none any more.
        assert_eq!(child_subreaper().unwrap(), before);
        assert_eq!(zombies(), [0; 0]);
        0
    }
    fn in_init(how: &str) -> i32 {
        let me = std::env::current_exe().unwrap();
        let mut program = Command::new(me);
        program.args(std::env::args().skip(1)).env(crate::common::CHILD, format!("{how} in it"));
        program.status().unwrap().code().unwrap_or(1)
    }
    for how in ["plain", "subreaper"] {
        crate::common::child_passes_with(how, program);
    }
}

/// Forty children, each of which has a helper that is deaf to SIGTERM, as they are themselves. Prints the helpers' pids.
fn deaf_families(how: &str) -> i32 {
    let (grace, end) = match how {
        "second signal" => (crate::common::LIMIT, OnOverdue::Exit(70)),
        "abort" => (Duration::from_millis(50), OnOverdue::Abort),
        _ => (Duration::from_millis(50), OnOverdue::Exit(70)),
    };
    let registry = Registry::new("app").grace(grace).kill_after(Duration::from_millis(50)).on_overdue(end);
    let (_keep, never) = gate();
    let exit = registry.run(|scope| {
        let script = "trap '' TERM; sleep 1000 & echo $!; while :; do wait; done";
        let family = |_| scope.process("family", "is deaf", sh(script)).grace(NEVER).lines().spawn();
        for child in (0..40).map(family).collect::<Result<Vec<_>, _>>()? {
            println!("\nhelper {}", pid(&first_line(&child)));
        }
        scope.spawn("stuck", "hears no stop", move |_| Ok(crate::common::pass(&never)))?;
        say("ready");
        scope.context().wait_for_stop();
        Ok(say("told"))
    });
    i32::from(exit.code())
}

#[test]
fn an_end_by_force_takes_the_groups_of_the_children_along() {
    for how in ["second signal", "grace", "abort"] {
        let mut app = child(how, deaf_families);
        app.until("ready").signal(libc::SIGINT).until("told");
        if how == "second signal" {
            // A second signal within half a second would be the same keystroke.
            linger(600);
            app.signal(libc::SIGINT);
        }
        let done = app.finish();
        let ended = match how {
            "second signal" => (Some(130), None),
            "abort" => (None, Some(libc::SIGABRT)),
            _ => (Some(70), None),
        };
        assert_eq!((done.code, done.signal), ended, "{how}: {done:#?}");
        let helpers = done.out.lines().filter_map(|line| line.strip_prefix("helper ")?.parse().ok());
        let helpers: Vec<u32> = helpers.collect();
        assert_eq!(helpers.len(), 40);
        // catches: only the leaders ended; the groups beyond the first few forgotten; a way out that does not end them.
        eventually("the helpers are over", || helpers.iter().all(|helper| is_over(*helper)));
    }
}

#[test]
#[allow(unsafe_code)]
fn a_forked_copy_that_ends_by_force_leaves_the_children_alone() {
    child_passes(|_| {
        in_scope(|scope| {
            let child = scope.process("child", "stays", sleeper()).spawn()?;
            // SAFETY: the copy calls what is async-signal-safe, and the end of a scope, which aborts there.
            let copy = unsafe { libc::fork() };
            if copy == 0 {
                let _aborts = scope.subscope("late", |_| Ok(()));
                // SAFETY: it does not return.
                unsafe { libc::_exit(0) };
            }
            let status = rustix::process::waitpid(Pid::from_raw(copy), WaitOptions::empty())?;
            assert!(status.is_some_and(|(_, status)| status.signaled()));
            // catches: a copy of the list that is taken for its own.
            assert!(matches!(child.wait_timeout(Duration::from_millis(50)), Err(WaitError::TimedOut)));
            Ok(())
        });
        0
    });
}

#[test]
#[allow(unsafe_code)]
fn a_process_whose_children_the_kernel_reaps_is_told_why() {
    // catches: a flag of SIGCHLD's action that is taken for somebody else in the program, after a child was started in vain
    child_passes(|_| {
        // SAFETY: all-zero is a valid sigaction: the default action.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_flags = libc::SA_NOCLDWAIT;
        let set = |action: &libc::sigaction| {
            // SAFETY: the default action needs no handler.
            assert_eq!(unsafe { libc::sigaction(libc::SIGCHLD, action, std::ptr::null_mut()) }, 0);
        };
        set(&action);
        let refused = scope(|scope| {
            let refused = scope.process("child", "is refused", sleeper()).spawn().unwrap_err().to_string();
            Ok(assert!(refused.contains("SA_NOCLDWAIT"), "{refused}"))
        });
        refused.unwrap();
        action.sa_flags = 0;
        set(&action);
        let lost = scope(|scope| {
            let child = scope.process("child", "is lost", sleeper()).on_exit(OnExit::Ignore).spawn()?;
            let flagged = libc::sigaction { sa_flags: libc::SA_NOCLDWAIT, ..action };
            set(&flagged);
            child.signal(9)?;
            child.done().recv().unwrap_err();
            Ok(())
        });
        let text = lost.unwrap_err().to_string();
        assert!(text.contains("SA_NOCLDWAIT"), "{text}");
        0
    });
}

/// The pids of the children of this process that have ended and were not reaped.
fn zombies() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace();
        fields.next() == Some("Z") && fields.next() == Some(&std::process::id().to_string())
    })
    .collect()
}

#[test]
#[cfg(target_os = "linux")]
fn orphans_are_reaped_where_that_is_asked_for_and_children_are_left() {
    // catches: zombies that fill a container; a reaper that takes the status which std, or a scope, waits for
    child_passes(|_| {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid())).unwrap();
        let exit = homebound::Registry::new("init").reap_orphans().run(|scope| {
            let orphan = || {
                let mut shell = Command::new("sh");
                shell.args(["-c", "setsid sleep 0 & exit 5"]);
                shell
            };
            assert_eq!(orphan().status()?.code(), Some(5));
            let child =
                scope.process("child", "leaves an orphan", orphan()).on_exit(OnExit::Ignore).spawn()?;
            assert_eq!(child.wait()?.code(), Some(5));
            eventually("two orphans have ended", || zombies().len() == 2);
            let (own, parent) = crossbeam_channel::bounded(0);
            let late = scope.spawn("late", "waits for its child when all orphans are gone", move |_| {
                let mut child = Command::new("true").spawn()?;
                own.send(child.id())?;
                own.send(0)?;
                Ok(child.wait()?.code())
            })?;
            let pid = parent.recv()?;
            eventually("the orphans are reaped, the child is left", || zombies() == [pid]);
            parent.recv()?;
            Ok(assert_eq!(late.join()?, Some(0)))
        });
        i32::from(exit.code())
    });
}

//! Signals where the registry runs on the process's main thread, which the kernel prefers: nobody's
//! system call ends by one, each is heard, and children inherit none of it. libtest has the main
//! thread, so each test forks one of its own.
#![allow(clippy::incompatible_msrv)] // tests are built with a newer Rust than the library asks for
#![allow(unsafe_code)] // fork, masks and raise have no safe form
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

#[path = "../common/mod.rs"]
mod common;

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::net::UdpSocket;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::*;
use crossbeam_channel::unbounded;
use homebound::registry::{self, Registry};
use homebound::{Context, Result, Signals};
use libc::{SIGABRT, SIGHUP, SIGINT, SIGKILL, SIGPIPE, SIGQUIT, SIGTERM, SIGUSR1, c_int, pid_t, sigset_t};

/// A process whose main thread runs a scenario.
struct Forked {
    pid: pid_t,
    from: PipeReader,
}

/// How it tells its parent how far it has come.
#[derive(Clone)]
struct Tell(Arc<Mutex<PipeWriter>>);

impl Tell {
    fn say(&self, word: u8) {
        self.0.lock().unwrap().write_all(&[word]).unwrap();
    }
}

/// For a process that has no other test to run: another thread of its own could hold a lock, and
/// the copy would keep it.
fn fork(scenario: impl FnOnce(&Tell) -> i32) -> Forked {
    let (from, to) = std::io::pipe().unwrap();
    // SAFETY: the one other thread of this process waits for this one, and holds nothing.
    match unsafe { libc::fork() } {
        0 => {
            drop(from);
            // It does not outlive a test that was given up.
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).unwrap();
            let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                scenario(&Tell(Arc::new(Mutex::new(to))))
            }));
            // SAFETY: it has no preconditions.
            unsafe { libc::_exit(code.unwrap_or(101)) }
        }
        pid => {
            assert!(pid > 0);
            Forked { pid, from }
        }
    }
}

impl Forked {
    fn until(&mut self, word: u8) -> &mut Self {
        let mut got = [0];
        self.from.read_exact(&mut got).expect("it says something before it ends");
        assert_eq!(char::from(got[0]), char::from(word));
        self
    }

    fn signal(&mut self, signal: c_int) -> &mut Self {
        // SAFETY: the process is ours, and not reaped.
        assert_eq!(unsafe { libc::kill(self.pid, signal) }, 0);
        self
    }

    /// Blocks until that thread of it is inside of a system call.
    fn until_in(&mut self, tid: pid_t, call: libc::c_long) -> &mut Self {
        eventually("it is in the call", || {
            let now = std::fs::read_to_string(format!("/proc/{}/task/{tid}/syscall", self.pid));
            now.is_ok_and(|now| now.split(' ').next() == Some(&call.to_string()))
        });
        self
    }

    /// The exit code; or the signal that ended it, as a negative number.
    fn finish(self) -> i32 {
        let mut status = 0;
        // SAFETY: the process is ours, and not reaped.
        assert_eq!(unsafe { libc::waitpid(self.pid, &mut status, 0) }, self.pid);
        if libc::WIFSIGNALED(status) { -libc::WTERMSIG(status) } else { libc::WEXITSTATUS(status) }
    }
}

fn set_of(signals: &[c_int]) -> sigset_t {
    // SAFETY: all-zero is a valid set, and it is emptied next.
    let mut set = unsafe { std::mem::zeroed() };
    // SAFETY: the set is valid.
    unsafe { libc::sigemptyset(&mut set) };
    for signal in signals {
        // SAFETY: as above.
        assert_eq!(unsafe { libc::sigaddset(&mut set, *signal) }, 0);
    }
    set
}

/// Changes the calling thread's mask.
fn mask(how: c_int, signals: &[c_int]) {
    // SAFETY: the set is valid.
    assert_eq!(unsafe { libc::pthread_sigmask(how, &set_of(signals), std::ptr::null_mut()) }, 0);
}

/// What the calling thread blocks, of all signals that have a name.
fn blocked() -> Vec<c_int> {
    let mut now = set_of(&[]);
    // SAFETY: a null set only asks.
    assert_eq!(unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &mut now) }, 0);
    // SAFETY: the set is valid.
    (1..32).filter(|signal| unsafe { libc::sigismember(&now, *signal) } == 1).collect()
}

/// Takes what comes, until the stop; any error of the socket but its time-out is one.
fn listen(cx: &Context, tell: &Tell) -> Result {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_secs(3)))?;
    tell.say(b'r');
    while !cx.is_stopping() {
        match socket.recv_from(&mut [0; 8]) {
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => Err(error)?,
            _ => {}
        }
    }
    Ok(())
}

/// A registry that takes its four signals and two more; each of the two is told when it has
/// arrived.
fn taker(tell: &Tell, body: impl FnOnce(&homebound::Scope<'_, '_>) -> Result) -> i32 {
    let (to, got) = unbounded();
    let signals = Signals::default().forward(SIGHUP, to.clone()).forward(SIGUSR1, to);
    let exit = Registry::new("taker").signals(signals).run(|s| {
        let told = s.context().clone();
        s.spawn("told", "tells what has arrived", move |_| {
            told.iter(&got).for_each(|_| tell.say(b'g'));
            Ok(())
        })?;
        body(s)
    });
    exit.result.as_ref().err().iter().for_each(|error| eprintln!("{error}"));
    i32::from(exit.code())
}

#[test]
fn no_signal_ends_a_call_of_the_body() {
    // catches: a dump, a reload or a stop that ends a recv_from with EINTR
    child_passes(|_| {
        let mut app = fork(|tell| taker(tell, |s| listen(s.context(), tell)));
        let main = app.pid;
        app.until(b'r').until_in(main, libc::SYS_recvfrom).signal(SIGQUIT).signal(SIGHUP).until(b'g');
        app.until_in(main, libc::SYS_recvfrom).signal(SIGUSR1).until(b'g').signal(SIGQUIT);
        app.until_in(main, libc::SYS_recvfrom).signal(SIGTERM);
        app.finish()
    });
}

#[test]
fn no_signal_ends_a_call_of_a_worker() {
    // catches: the same, in a thread that is younger than the internal ones; signals that come
    // while these are not yet awake
    child_passes(|_| {
        let mut app = fork(|tell| {
            taker(tell, |s| {
                for index in 0..8 {
                    let tell = tell.clone();
                    s.spawn(format!("listener {index}"), "takes what comes", move |cx| listen(cx, &tell))?;
                }
                s.context().wait_for_stop();
                Ok(())
            })
        });
        for _ in 0..8 {
            app.until(b'r');
        }
        for _ in 0..50 {
            app.signal(SIGQUIT).signal(SIGHUP).until(b'g');
        }
        app.signal(SIGTERM);
        app.finish()
    });
}

#[test]
fn what_the_parent_has_blocked_is_heard() {
    // catches: a mask that survives exec, so that SIGTERM waits for ever; a SIGTERM that was
    // blocked before the run
    child_passes(|_| {
        let heard = |signal: c_int, early: bool| {
            let mut app = fork(|tell| {
                mask(libc::SIG_BLOCK, &[SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1]);
                if early {
                    let own = std::process::id().cast_signed();
                    // SAFETY: it has no preconditions. It is blocked, and waits for the run.
                    assert_eq!(unsafe { libc::kill(own, signal) }, 0);
                }
                let exit = registry::run(|s| {
                    tell.say(b'r');
                    Ok(s.context().wait_for_stop())
                });
                assert_eq!(blocked(), [SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGTERM], "as it was");
                let reason = exit.into_result().unwrap();
                i32::from(reason != homebound::StopReason::Signal(signal))
            });
            app.until(b'r');
            if !early {
                app.signal(signal);
            }
            app.finish()
        };
        [SIGTERM, SIGHUP, SIGINT]
            .into_iter()
            .flat_map(|signal| [heard(signal, false), heard(signal, true)])
            .sum()
    });
}

#[test]
fn the_mask_is_as_before_on_every_way_out() {
    // catches: a program that is deaf after its first run
    child_passes(|_| {
        let app = fork(|_| {
            let before = blocked();
            let check = |what: &str| assert_eq!(blocked(), before, "after {what}");
            let _ = registry::run(|_| Ok(assert!(blocked().contains(&SIGTERM))));
            check("a normal end");
            let _ = registry::run(|_| -> Result { Err(boom("no")) });
            check("an error");
            let _ = panics(|| registry::run(|_| -> Result { panic!("no") }));
            check("a panic");
            let (to, _got) = unbounded();
            let _ = Registry::new("refused").signals(Signals::default().forward(SIGKILL, to)).run(|_| Ok(()));
            check("a refusal");
            let _ = Registry::new("none").signals(Signals::none()).run(|_| Ok(check("nothing taken")));
            0
        });
        app.finish()
    });
}

#[test]
fn what_is_raised_in_the_body_is_heard() {
    // catches: a signal to the one thread that blocks it, which waits there for ever, or for the
    // end of the run
    child_passes(|_| {
        // SAFETY: it has no preconditions.
        let raise = |signal| assert_eq!(unsafe { libc::raise(signal) }, 0);
        let stopped = fork(|_| {
            let exit = registry::run(|s| {
                raise(SIGTERM);
                Ok(s.context().wait_for_stop())
            });
            i32::from(exit.into_result().unwrap() != homebound::StopReason::Signal(SIGTERM))
        });
        let last = fork(|_| {
            // Nobody waits for it any more: it changes nothing, and does not end the process
            // either.
            i32::from(registry::run(|_| Ok(raise(SIGTERM))).code())
        });
        stopped.finish() + last.finish()
    });
}

/// What a child process of std's blocks, as the kernel says.
fn blocked_in_a_child() -> Result<String> {
    let status = Command::new("cat").arg("/proc/self/status").output()?;
    let status = String::from_utf8(status.stdout)?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
    Ok(mask.ok_or("no mask")?.trim().to_owned())
}

#[test]
fn children_inherit_nothing_blocked() {
    // catches: a child that hears no SIGTERM, no Ctrl-C and no hang-up, since the thread that
    // started it blocked them for us
    child_passes(|_| {
        let app = fork(|_| {
            let exit = registry::run(|s| {
                let none = "0000000000000000";
                let (only_quit, unblocked) = s
                    .spawn("worker", "has children", |_| {
                        Ok((blocked_in_a_child()?, registry::unblocked(blocked_in_a_child)?))
                    })?
                    .join()?;
                assert_eq!((only_quit.as_str(), unblocked.as_str()), ("0000000000000004", none));
                assert_eq!(registry::unblocked(blocked_in_a_child)?, none);
                assert!(blocked().contains(&SIGTERM), "blocked again");
                let mut cat = Command::new("cat");
                cat.arg("/proc/self/status");
                let cat = s.process("cat", "tells what it blocks", cat).lines().spawn()?;
                let line = cat.stdout_lines().iter().find(|line| line.text.starts_with("SigBlk:"));
                assert_eq!(line.map(|line| line.text), Some(format!("SigBlk:\t{none}")));
                // std forks this child, and the fork handler runs before std's own code in it.
                let mut forked = Command::new("cat");
                // SAFETY: it does nothing.
                unsafe { forked.arg("/proc/self/status").pre_exec(|| Ok(())) };
                let status = String::from_utf8(forked.output()?.stdout)?;
                assert!(status.contains(&format!("SigBlk:\t{none}")), "{status}");
                Ok(())
            });
            i32::from(exit.code())
        });
        app.finish()
    });
}

#[test]
fn a_child_of_the_scope_hears_what_the_parent_has_blocked() {
    // catches: SIGTERM that a child never hears since it was blocked in us: it ends by SIGKILL,
    // after its grace
    child_passes(|_| {
        let app = fork(|_| {
            mask(libc::SIG_BLOCK, &[SIGTERM, SIGINT]);
            let exit = registry::run(|s| {
                let mut sleep = Command::new("sleep");
                sleep.arg("1000");
                let sleep = s.process("sleep", "waits to be ended", sleep).grace(LIMIT).spawn()?;
                sleep.stop();
                let status = sleep.wait()?;
                Ok(assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(SIGTERM)))
            });
            i32::from(exit.code())
        });
        app.finish()
    });
}

#[test]
fn a_program_that_takes_its_signals_itself_keeps_them_blocked_while_a_child_runs() {
    // catches: a thread that unblocks SIGTERM here so that its child hears it: the next SIGTERM
    // ends this process
    child_passes(|_| {
        let app = fork(|_| {
            let own = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];
            mask(libc::SIG_BLOCK, &own);
            let result = homebound::scope(|s| {
                let mut sleep = Command::new("sleep");
                sleep.arg("1000");
                let sleep = s.process("sleep", "waits to be ended", sleep).grace(LIMIT).spawn()?;
                for signal in own {
                    // SAFETY: it has no preconditions.
                    assert_eq!(unsafe { libc::kill(std::process::id().cast_signed(), signal) }, 0);
                }
                for signal in own {
                    let mut got = 0;
                    // SAFETY: set and number are valid. The call takes the pending signal.
                    assert_eq!(unsafe { libc::sigwait(&set_of(&[signal]), &mut got) }, 0);
                }
                sleep.stop();
                let status = sleep.wait()?;
                Ok(assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(SIGTERM)))
            });
            i32::from(result.is_err())
        });
        app.finish()
    });
}

#[test]
fn a_child_that_was_forked_in_a_run_does_by_default_what_it_is_told() {
    // catches: a signal to the child that is written into the pipe of its parent, and stops that; a
    // child that is deaf
    child_passes(|_| {
        let app = fork(|_| {
            let exit = registry::run(|s| {
                for from in [0, 1] {
                    let child = move || {
                        // SAFETY: the child makes only calls that are allowed there.
                        match unsafe { libc::fork() } {
                            0 => loop {
                                // SAFETY: as above.
                                unsafe { libc::pause() };
                            },
                            pid => pid,
                        }
                    };
                    let pid = if from == 0 {
                        child()
                    } else {
                        s.spawn("forks", "forks", move |_| Ok(child()))?.join()?
                    };
                    // SAFETY: the process is ours, and not reaped.
                    assert_eq!(unsafe { libc::kill(pid, SIGTERM) }, 0);
                    let mut status = 0;
                    // SAFETY: as above.
                    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
                    assert_eq!(libc::WTERMSIG(status), SIGTERM);
                }
                Ok(assert!(s.context().sleep(Duration::from_millis(50)).is_ok(), "it was not for us"))
            });
            i32::from(exit.code())
        });
        app.finish()
    });
}

#[test]
fn a_fork_between_two_runs_has_an_alarm_of_its_own() {
    // catches: one pipe for two processes: SIGTERM to the child stops the parent, and not the child
    child_passes(|_| {
        assert_eq!(registry::run(|_| Ok(())).code(), 0);
        let mut child = fork(|tell| {
            taker(tell, |s| {
                tell.say(b'r');
                s.context().wait_for_stop();
                Ok(())
            })
        });
        let exit = registry::run(|s| {
            child.until(b'r');
            // The thread that wakes first reads the contents of a pipe.
            for _ in 0..100 {
                child.signal(SIGUSR1).until(b'g');
            }
            child.signal(SIGTERM);
            let code = child.finish();
            assert!(s.context().sleep(Duration::from_millis(50)).is_ok(), "none was for us");
            Ok(code)
        });
        exit.into_result().unwrap()
    });
}

#[test]
fn what_comes_back_in_a_forked_child_goes_no_further() {
    // catches: a worker, a callback or a deferred function that goes on in the copy as if it were
    // the parent's
    fn scenario(what: &str) -> i32 {
        let forked = || {
            // SAFETY: the test is about a child that comes back; it is ended before it runs other
            // code.
            match unsafe { libc::fork() } {
                0 => Ok(()),
                pid => {
                    let mut status = 0;
                    // SAFETY: the process is ours, and not reaped.
                    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
                    let aborted = libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == SIGABRT;
                    if aborted { Ok(()) } else { Err(boom("it went on")) }
                }
            }
        };
        let exit = registry::run(|s| {
            match what {
                "worker" => s.spawn("forks", "forks", move |_| forked())?.join()?,
                "panic" => {
                    let falls = s.thread("forks", "forks").isolated().spawn(move |_| -> Result {
                        forked()?;
                        panic!("after the fork")
                    })?;
                    assert!(falls.join().is_err_and(|error| error.to_string().contains("after the fork")));
                }
                "callback" => {
                    let (tell, told) = unbounded();
                    let _guard = s.context().on_stop(move || tell.send(forked().is_ok()).unwrap());
                    s.stop();
                    assert!(told.recv()?);
                }
                "deferred" => s.defer("forks", forked),
                _ => forked()?,
            }
            Ok(())
        });
        i32::from(exit.code())
    }
    for what in ["worker", "panic", "callback", "deferred", "body"] {
        let done = in_child(what, scenario);
        assert_eq!(done.code, Some(0), "{what}: {done:#?}");
        assert!(done.err.contains("came back in a forked child"), "{what}: {done:#?}");
    }
}

#[test]
fn a_failure_that_nobody_reads_is_a_failure() {
    // catches: SIGPIPE at its default action, which ends a failed run at its report instead of its
    // exit code
    child_passes(|_| {
        let app = fork(|_| {
            // SAFETY: it has no preconditions.
            assert_ne!(unsafe { libc::signal(SIGPIPE, libc::SIG_DFL) }, libc::SIG_ERR);
            let (read, write) = std::io::pipe().unwrap();
            drop(read);
            rustix::stdio::dup2_stderr(&write).unwrap();
            let exit = registry::run(|_| -> Result { Err(boom("no")) });
            let code = i32::from(exit.code());
            let _code = std::process::Termination::report(exit);
            assert_eq!(blocked(), [], "as it was");
            code
        });
        app.finish() - 1
    });
}

#[test]
fn a_dump_that_nobody_reads_ends_nothing() {
    // catches: SIGPIPE, where the program has it at its default action, as tools for the command
    // line do
    child_passes(|_| {
        let mut app = fork(|tell| {
            // SAFETY: the default action needs no handler.
            assert_ne!(unsafe { libc::signal(SIGPIPE, libc::SIG_DFL) }, libc::SIG_ERR);
            let (nobody, stderr) = std::io::pipe().unwrap();
            drop(nobody);
            rustix::stdio::dup2_stderr(&stderr).unwrap();
            taker(tell, |s| {
                tell.say(b'r');
                s.context().wait_for_stop();
                Ok(())
            })
        });
        // Each is looked at before the next: the one behind the dump says that it was written.
        app.until(b'r').signal(SIGQUIT);
        linger(20);
        app.signal(SIGUSR1).until(b'g').signal(SIGTERM);
        app.finish()
    });
}

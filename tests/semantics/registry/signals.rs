//! Signals that a program takes for itself, or leaves alone: `forward` and `without`, with real signals in re-executed
//! children.
#![allow(unsafe_code)] // sigaction has no safe form
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::io::Write;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::subscriber::Told;
use crate::common::*;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use homebound::registry::{self, Registry};
use homebound::{Result, Scope, SecondSignal, Signals};
use libc::{SIGCHLD, SIGHUP, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};

/// A pause longer than the half second in which a second signal does not count.
const KEYSTROKE: u64 = 650;

/// How often the program's own handler ran.
static OWN: AtomicUsize = AtomicUsize::new(0);

extern "C" fn own(_: libc::c_int) {
    OWN.fetch_add(1, Ordering::SeqCst);
}

/// Installs the program's own handler, with a flag and a mask that are to be put back as well.
fn install_own(signal: i32) -> libc::sigaction {
    // SAFETY: all-zero is a valid sigaction.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = own as extern "C" fn(libc::c_int) as usize;
    action.sa_flags = libc::SA_RESTART | libc::SA_NODEFER;
    // SAFETY: the set is valid, and the number a signal.
    assert_eq!(unsafe { libc::sigaddset(&mut action.sa_mask, SIGUSR2) }, 0);
    // SAFETY: the handler only counts.
    assert_eq!(unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) }, 0);
    action
}

/// Sends a signal to the calling thread: handled when this returns, so that none is merged with the next.
fn raise(signal: i32) {
    // SAFETY: it has no preconditions.
    assert_eq!(unsafe { libc::raise(signal) }, 0);
}

fn default_with<const N: usize>(numbers: [i32; N], to: &Sender<i32>) -> Signals {
    numbers.into_iter().fold(Signals::default(), |signals, number| signals.forward(number, to.clone()))
}

/// Says each signal that comes, until the stop.
fn say_all(s: &Scope<'_, '_>, signals: &Receiver<i32>) -> Result {
    say("ready");
    let numbered = s.context().iter(signals).enumerate();
    numbered.for_each(|(n, number)| say(&format!("got {number}, {n} before it")));
    Ok(())
}

/// Sends each of these when the one before has arrived, then SIGTERM: the child must have got each and end well.
#[track_caller]
fn arrive<const N: usize>(numbers: [i32; N], scenario: fn(&str) -> i32) {
    let mut child = child("", scenario);
    child.until("ready");
    for (n, number) in numbers.into_iter().enumerate() {
        child.signal(number).until(&format!("got {number}, {n} before it"));
    }
    child.signal(SIGTERM);
    let done = child.finish();
    let got = done.out.matches("<got ").count();
    assert_eq!((done.code, got), (Some(0), N), "{done:#?}");
}

#[test]
fn sighup_reloads_again_and_again_and_stops_nothing() {
    // catches: a reload that is a stop; a second reload that counts as the second signal and ends the process
    fn scenario(_: &str) -> i32 {
        let (to, reloads) = bounded(1);
        let root = Registry::new("daemon").signals(default_with([SIGHUP], &to));
        drop(to);
        let exit = root.run(|s| {
            say("ready");
            let mut generation = 0;
            while s.context().recv(&reloads).is_ok() {
                s.subscope("generation", |part| {
                    part.service("server", "serves with these settings", until_stopped)?;
                    generation += 1;
                    Ok(say(&format!("generation {generation}")))
                })?;
            }
            Ok(())
        });
        i32::from(exit.code())
    }
    let mut child = child("", scenario);
    child.until("ready");
    for generation in 1..=3 {
        child.signal(SIGHUP).until(&format!("generation {generation}"));
        linger(if generation == 1 { KEYSTROKE } else { 0 });
    }
    child.signal(SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
}

#[test]
fn several_signals_may_share_a_channel() {
    // catches: a number that is lost or exchanged
    arrive([SIGUSR1, SIGUSR2, SIGUSR1], |_| {
        let (to, got) = unbounded();
        let signals = default_with([SIGUSR1, SIGUSR2], &to);
        i32::from(Registry::new("shared").signals(signals).run(|s| say_all(s, &got)).code())
    });
}

#[test]
fn sigwinch_is_a_message_though_its_default_is_to_be_ignored() {
    // catches: a signal that is left ignored because nobody would miss it
    arrive([SIGWINCH, SIGWINCH], |_| {
        let (to, got) = unbounded();
        let signals = default_with([SIGWINCH], &to);
        i32::from(Registry::new("terminal").signals(signals).run(|s| say_all(s, &got)).code())
    });
}

#[test]
fn a_signal_that_was_ignored_at_the_start_is_forwarded_if_one_asks_for_it_and_ignored_again() {
    // catches: nohup's SIGHUP, which is left ignored to spare a daemon, though the daemon reloads on it
    arrive([SIGHUP], |_| {
        // SAFETY: to ignore needs no handler.
        unsafe { libc::signal(SIGHUP, libc::SIG_IGN) };
        let (to, got) = unbounded();
        let signals = default_with([SIGHUP], &to);
        let exit = Registry::new("daemon").signals(signals).run(|s| say_all(s, &got));
        assert_eq!(disposition(SIGHUP), libc::SIG_IGN);
        i32::from(exit.code())
    });
}

#[test]
fn the_last_word_on_a_signal_counts() {
    // catches: a forward that is added to the stop, or to an earlier forward; `without` that forgets to
    arrive([SIGHUP], |_| {
        let (early, nothing) = unbounded();
        let (to, got) = unbounded();
        let signals = Signals::default().forward(SIGUSR1, early.clone()).without(SIGUSR1);
        let signals = signals.forward(SIGHUP, early).forward(SIGHUP, to);
        let before = disposition(SIGUSR1);
        let exit = Registry::new("last").signals(signals).run(|s| {
            assert_eq!(disposition(SIGUSR1), before);
            say_all(s, &got)
        });
        assert_eq!(nothing.len(), 0);
        i32::from(exit.code())
    });
}

#[test]
fn sigchld_is_left_alone() {
    // catches: a handler that is replaced; children that cannot be waited for, or are waited for by somebody else
    child_passes(|_| {
        install_own(SIGCHLD);
        let before = disposition(SIGCHLD);
        let exit = registry::run(|s| {
            assert_eq!(disposition(SIGCHLD), before);
            let workers: Vec<_> = (0..4)
                .map(|n| {
                    s.spawn(format!("parent {n}"), "has a child", move |_| {
                        let shell = format!("exit {n}");
                        let status = Command::new("sh").args(["-c", shell.as_str()]).status()?;
                        assert_eq!(status.code(), Some(n));
                        let output = Command::new("echo").arg(shell.as_str()).output()?;
                        assert!(output.status.success() && output.stdout.starts_with(shell.as_bytes()));
                        Ok(())
                    })
                })
                .collect();
            workers.into_iter().try_for_each(|worker| Ok(worker?.join()?))
        });
        assert_eq!(disposition(SIGCHLD), before);
        eventually("the program's handler ran", || OWN.load(Ordering::SeqCst) > 0);
        i32::from(exit.code())
    });
}

#[test]
fn sigchld_may_be_forwarded_and_children_can_still_be_waited_for() {
    // catches: a forward that reaps, or that keeps the exit status from std
    child_passes(|_| {
        let (to, got) = bounded(1);
        let exit = Registry::new("parent").signals(default_with([SIGCHLD], &to)).run(|s| {
            let mut shell = Command::new("sh").args(["-c", "exit 3"]).spawn()?;
            assert_eq!(s.context().recv(&got)?, SIGCHLD);
            assert_eq!(shell.wait()?.code(), Some(3));
            Ok(())
        });
        i32::from(exit.code())
    });
}

#[test]
fn a_full_channel_blocks_nobody_and_says_what_is_lost() {
    // catches: a listener that waits for a place; a loss that is told as a success, or not at all
    child_passes(|_| {
        let (tell, told) = unbounded();
        let subscriber = Told::new(move |line: &str| drop(tell.send(line.to_owned())));
        tracing::subscriber::set_global_default(subscriber).expect("the first one");
        let (to, never_read) = bounded(1);
        let (rendezvous, _nobody_waits) = bounded(0);
        let (behind, got) = unbounded();
        let signals = Signals::default().forward(SIGUSR1, to).forward(SIGWINCH, rendezvous);
        let exit = Registry::new("full").signals(signals.forward(SIGUSR2, behind)).run(|s| {
            (0..100).for_each(|_| raise(SIGUSR1));
            raise(SIGWINCH);
            raise(SIGUSR2);
            assert_eq!(s.context().recv(&got)?, SIGUSR2);
            assert_eq!(never_read.len(), 1);
            let lost = |line: &String| line.contains("WARN") && line.contains("homebound::signal");
            let lost: Vec<_> = told.iter().filter(lost).take(100).collect();
            let of = |signal: &str| lost.iter().filter(|line| line.contains(signal)).count();
            assert_eq!((of("signal=10"), of("signal=28"), of("channel is full")), (99, 1, 100));
            Ok(())
        });
        i32::from(exit.code())
    });
}

#[test]
fn a_channel_that_nobody_reads_any_more_is_no_stop_and_no_default_action() {
    // catches: a disconnected channel that kills (SIGUSR1's default) or stops
    child_passes(|_| {
        let (to, gone) = unbounded();
        let (behind, got) = unbounded();
        let signals = Signals::default().forward(SIGUSR1, to).forward(SIGUSR2, behind);
        let exit = Registry::new("gone").signals(signals).run(|s| {
            raise(SIGUSR1);
            assert_eq!(gone.recv()?, SIGUSR1);
            drop(gone);
            raise(SIGUSR1);
            raise(SIGUSR2);
            assert_eq!(got.recv()?, SIGUSR2);
            Ok(assert!(!s.is_stopping()))
        });
        i32::from(exit.code())
    });
}

#[test]
fn a_forwarded_signal_during_the_stop_arrives_and_is_not_the_second() {
    // catches: a SIGHUP in the middle of a shutdown that ends the process with 129
    fn scenario(_: &str) -> i32 {
        let (to, got) = unbounded();
        let exit = Registry::new("late").signals(default_with([SIGHUP], &to)).run(|s| {
            s.spawn("worker", "has to finish something", move |cx| {
                say("ready");
                cx.wait_for_stop();
                say("stopping");
                Ok(say(&format!("got {}", got.recv()?)))
            })?;
            Ok(())
        });
        i32::from(exit.code())
    }
    let mut child = child("", scenario);
    child.until("ready").signal(SIGTERM).until("stopping");
    linger(KEYSTROKE);
    child.signal(SIGHUP);
    let done = child.finish();
    assert!(done.code == Some(0) && done.out.contains(&format!("<got {SIGHUP}>")), "{done:#?}");
}

#[test]
fn what_was_there_before_is_put_back_and_the_channel_is_let_go() {
    // catches: a handler that is put back without its flags or mask; a sender that is kept, so that a reader never ends
    child_passes(|_| {
        let before = install_own(SIGUSR1);
        let (to, got) = unbounded();
        let exit = Registry::new("guest").signals(Signals::default().forward(SIGUSR1, to)).run(|s| {
            raise(SIGUSR1);
            assert_eq!((s.context().recv(&got)?, OWN.load(Ordering::SeqCst)), (SIGUSR1, 0));
            Ok(())
        });
        assert!(disconnected(&got));
        // SAFETY: all-zero is a valid sigaction.
        let mut now: libc::sigaction = unsafe { std::mem::zeroed() };
        // SAFETY: it only asks.
        assert_eq!(unsafe { libc::sigaction(SIGUSR1, std::ptr::null(), &mut now) }, 0);
        let flags = libc::SA_RESTART | libc::SA_NODEFER;
        assert_eq!((now.sa_sigaction, now.sa_flags & flags), (before.sa_sigaction, flags));
        // SAFETY: the set is valid, and the number a signal.
        assert_eq!(unsafe { libc::sigismember(&now.sa_mask, SIGUSR2) }, 1);
        raise(SIGUSR1);
        assert_eq!(OWN.load(Ordering::SeqCst), 1);
        i32::from(exit.code())
    });
}

#[test]
fn what_is_no_signal_is_refused_and_all_is_as_before() {
    // catches: a panic; a run without the signals that were asked for; handlers of a refused run that stay
    child_passes(|_| {
        let before = disposition(SIGTERM);
        for number in [0, -1, libc::SIGKILL, libc::SIGSTOP, 200, 255, 256, i32::MAX] {
            let (to, _got) = unbounded();
            let exit = Registry::new("odd").signals(default_with([number], &to)).run(|_| Ok(say("ran")));
            let error = exit.result.expect_err("refused").to_string();
            assert!(error.contains("signal handler was refused"), "{number}: {error}");
            assert_eq!(disposition(SIGTERM), before);
        }
        i32::from(registry::run(|_| Ok(())).code())
    });
}

#[test]
fn what_cannot_be_a_message_is_refused_with_the_reason() {
    // catches: a fault that a handler repeats for ever; a signal that is accepted and never comes
    child_passes(|_| {
        let faults = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS];
        let faults = faults.map(|number| (number, "its own fault"));
        let others = [
            (libc::SIGKILL, "no program can handle it"),
            (libc::SIGSTOP, "no program can handle it"),
            (libc::SIGABRT, "aborts"),
            (libc::SIGPIPE, "EPIPE"),
            (32, "the C library"),
            (33, "the C library"),
            (0, "no signal"),
            (65, "no signal"),
        ];
        for (number, why) in faults.into_iter().chain(others) {
            let (to, _got) = unbounded();
            let exit = Registry::new("odd").signals(default_with([number], &to)).run(|_| Ok(say("ran")));
            let error = exit.result.expect_err("refused").to_string();
            assert!(error.contains(&format!("signal {number}")) && error.contains(why), "{number}: {error}");
        }
        for number in [SIGCHLD, SIGWINCH, libc::SIGALRM, libc::SIGTSTP, libc::SIGRTMIN(), libc::SIGRTMAX()] {
            let (to, _got) = unbounded();
            let exit = Registry::new("odd").signals(default_with([number], &to)).run(|_| Ok(()));
            assert_eq!(exit.code(), 0, "{number}");
        }
        0
    });
}

#[test]
fn a_signal_that_somebody_else_has_taken_is_said_to_be() {
    // catches: a program that is deaf for Ctrl-C since a library has taken it after the start, and nothing tells
    fn scenario(_: &str) -> i32 {
        let (tell, told) = unbounded();
        let subscriber = Told::new(move |line: &str| drop(tell.send(line.to_owned())));
        tracing::subscriber::set_global_default(subscriber).expect("the first one");
        let exit = registry::run(|s| {
            install_own(libc::SIGINT);
            let deaf = |line: &String| {
                line.contains("WARN") && line.contains("signal=2") && line.contains("another handler")
            };
            assert!(told.iter().any(|line| deaf(&line)));
            say("ready");
            s.context().wait_for_stop();
            // Once, however often it is looked.
            Ok(assert!(!told.try_iter().any(|line| deaf(&line))))
        });
        i32::from(exit.code())
    }
    let mut child = child("", scenario);
    child.until("ready").signal(libc::SIGQUIT).until_stderr("signal 2 (SIGINT) has another handler");
    child.signal(SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert!(!done.err.contains("SIGTERM) has another"), "{done:#?}");
}

#[test]
fn a_subscriber_that_hangs_at_that_warning_does_not_keep_a_stop_from_the_body() {
    // catches: a log of *stopper*'s that *watch* does not know of, and so does not stand in: the stop is never marked
    fn scenario(_: &str) -> i32 {
        let (open, gate) = gate();
        let subscriber = Told::new(move |line: &str| {
            if line.contains("another handler") {
                say("hangs");
                let _opened = gate.recv();
            }
        });
        tracing::subscriber::set_global_default(subscriber).expect("the first one");
        let exit = Registry::new("hangs").grace(LIMIT / 4).run(|s| {
            install_own(libc::SIGINT);
            s.context().wait_for_stop();
            Ok(drop(open))
        });
        i32::from(exit.code())
    }
    let mut child = child("", scenario);
    child.until("hangs").signal(SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
}

/// Makes this process the one in front at a terminal of its own, and returns the other end, where keys are pressed.
fn own_terminal() -> std::fs::File {
    rustix::process::setsid().expect("it leads no group");
    let (master, line) = crate::common::pty::pty();
    rustix::process::ioctl_tiocsctty(&line).expect("nobody else has that terminal");
    // A line that nobody has open hangs up.
    std::mem::forget(line);
    master
}

/// Presses Ctrl-C, and once more after a pause that is too short for signals that processes send.
fn two_keys(second: &str) -> i32 {
    const CTRL_C: &[u8] = &[3];
    let second = if second == "quiet" { SecondSignal::Quiet } else { SecondSignal::Dump };
    let mut keys = own_terminal();
    let exit = Registry::new("keys").second_signal(second).run(|s| {
        keys.write_all(CTRL_C)?;
        s.context().wait_for_stop();
        // The keystroke is a moment older than the stop.
        linger(220);
        keys.write_all(CTRL_C)?;
        Ok(linger(60_000))
    });
    i32::from(exit.code())
}

#[test]
fn two_keys_that_are_pressed_are_two_after_a_fifth_of_a_second() {
    // catches: a second Ctrl-C of somebody in a hurry that is taken for the first; a dump that was not asked for
    let done = in_child("dump", two_keys);
    assert!(done.code == Some(130) && done.err.contains("a second signal"), "{done:#?}");
    let done = in_child("quiet", two_keys);
    assert!(done.code == Some(130) && !done.err.contains("homebound"), "{done:#?}");
}

#[test]
fn two_signals_of_processes_are_one_within_half_a_second() {
    // catches: the pause of keys that counts for signals, as of a supervisor that sends SIGINT and SIGTERM
    child_passes(|_| {
        let exit = Registry::new("sent").run(|s| {
            let begin = std::time::Instant::now();
            raise(SIGTERM);
            s.context().wait_for_stop();
            linger(250);
            // Not on a machine that was busy meanwhile.
            if begin.elapsed() < std::time::Duration::from_millis(450) {
                raise(SIGTERM);
            }
            Ok(linger(100))
        });
        i32::from(exit.code())
    });
}

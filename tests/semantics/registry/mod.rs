//! G1 to G4: `run` as the owner of signals, the exit code and the process.
//! Everything here runs in a re-executed child, with real signals.
#![allow(unsafe_code)] // sigaction has no safe form
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

mod signals;

use std::process::{ExitCode, Termination};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::subscriber::Told;
use crate::common::*;
use crossbeam_channel::{bounded, unbounded};
use homebound::registry::{self, Registry};
use homebound::{Context, Exit, OnOverdue, Result, Scope, Signals, StopReason, scope};
use libc::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1};

/// A pause longer than the half second in which a second signal does not count.
fn pass_half_a_second() {
    linger(650);
}

/// A body that says when it is ready and waits for the stop.
fn waits(s: &Scope<'_, '_>) -> Result<StopReason> {
    s.spawn("worker", "waits for the signal", until_stopped)?;
    say("ready");
    Ok(s.context().wait_for_stop())
}

/// Runs `waits` and says which signal has ended it.
fn wait_for_signal(_: &str) -> i32 {
    let exit = registry::run(waits);
    let code = exit.code();
    match exit.into_result() {
        Ok(StopReason::Signal(n)) => say(&format!("signal {n}")),
        other => say(&format!("unexpected {other:?}")),
    }
    i32::from(code)
}

#[track_caller]
fn stopped_by(signal: i32, code: i32) {
    let mut child = child("", wait_for_signal);
    child.until("ready").signal(signal);
    let done = child.finish();
    assert_eq!(done.code, Some(code), "{done:#?}");
    assert!(done.out.contains(&format!("<signal {signal}>")), "{done:#?}");
}

#[test]
fn g1_sigint_stops_with_130() {
    // catches: a handler that is not there; a reason or a code that is lost
    stopped_by(SIGINT, 130);
}

#[test]
fn g1_sigterm_stops_with_0() {
    // catches: 143, which systemd counts as a failure
    stopped_by(SIGTERM, 0);
}

#[test]
fn g1_sighup_stops_with_0() {
    // catches: a terminal that hangs up and kills
    stopped_by(SIGHUP, 0);
}

/// A deaf worker, a long grace; says "told" when the stop has come.
fn deaf(how: &str) -> i32 {
    let (_keep, never) = gate();
    let exit = Registry::new("deaf").grace(LIMIT).run(|s| {
        s.spawn("deaf-one", "does not listen", move |_| {
            pass(&never);
            Ok(())
        })?;
        say("ready");
        if how == "by itself" {
            s.stop();
        }
        s.context().wait_for_stop();
        say("told");
        Ok(())
    });
    i32::from(exit.code())
}

#[test]
fn g1_a_second_signal_exits_at_once_with_the_dump() {
    // catches: a second Ctrl-C that is swallowed; the first one's number in the code
    let mut child = child("", deaf);
    child.until("ready").signal(SIGINT).until("told");
    pass_half_a_second();
    child.signal(SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(128 + SIGTERM), "{done:#?}");
    assert!(done.err.contains("does not listen") && done.took < Duration::from_secs(5), "{done:#?}");
}

#[test]
fn g1_the_first_signal_after_another_kind_of_stop_is_the_second() {
    // catches: a count of signals in place of "whatever stopped the root"
    let mut child = child("by itself", deaf);
    child.until("told");
    pass_half_a_second();
    child.signal(SIGINT);
    let done = child.finish();
    assert_eq!(done.code, Some(130), "{done:#?}");
    assert!(done.err.contains("deaf-one") && done.took < Duration::from_secs(5), "{done:#?}");
}

#[test]
fn g1_a_double_tap_counts_as_one() {
    // catches: a second signal right after the first that ends a clean shutdown
    fn scenario(_: &str) -> i32 {
        let exit = registry::run(|s| {
            say("ready");
            s.context().wait_for_stop();
            say("told");
            linger(300);
            Ok(())
        });
        i32::from(exit.code())
    }
    let mut child = child("", scenario);
    child.until("ready").signal(SIGTERM).signal(SIGTERM).until("told").signal(SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
}

fn set_disposition(signal: i32, handler: libc::sighandler_t) {
    // SAFETY: the handlers given here are SIG_DFL, SIG_IGN and one that does nothing.
    let before = unsafe { libc::signal(signal, handler) };
    assert_ne!(before, libc::SIG_ERR);
}

extern "C" fn does_nothing(_: i32) {}

const ALL: [i32; 4] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT];

#[test]
fn g1_an_ignored_signal_stays_ignored() {
    // catches: nohup undone; a SIGINT that reaches a background job
    fn scenario(_: &str) -> i32 {
        set_disposition(SIGHUP, libc::SIG_IGN);
        set_disposition(SIGINT, libc::SIG_IGN);
        let exit = registry::run(|s| {
            assert_eq!((disposition(SIGHUP), disposition(SIGINT)), (libc::SIG_IGN, libc::SIG_IGN));
            waits(s)
        });
        assert_eq!((disposition(SIGHUP), disposition(SIGINT)), (libc::SIG_IGN, libc::SIG_IGN));
        let by_term = matches!(exit.result, Ok(StopReason::Signal(SIGTERM)));
        i32::from(!by_term)
    }
    let mut child = child("", scenario);
    child.until("ready").signal(SIGHUP).signal(SIGINT).signal(SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
}

#[test]
fn g1_handlers_are_put_back_on_every_way_out() {
    // catches: signal-hook's way: a later Ctrl-C stays dead; a program's own handler lost
    child_passes(|_| {
        let own = does_nothing as *const () as libc::sighandler_t;
        set_disposition(SIGTERM, own);
        let before = ALL.map(disposition);
        let check = |what: &str| assert_eq!(ALL.map(disposition), before, "after {what}");
        let _ = registry::run(|_| {
            assert_ne!(disposition(SIGINT), before[0]);
            assert_ne!(disposition(SIGTERM), own, "it is ours while it runs");
            Ok(())
        });
        check("a normal end");
        let _ = registry::run(|_| -> Result { Err(boom("no")) });
        check("an error");
        let _ = panics(|| registry::run(|_| -> Result { panic!("no") }));
        check("a panic");
        let exit = registry::run(|_| {
            set_disposition(SIGHUP, own);
            Ok(())
        });
        assert_eq!(disposition(SIGHUP), own, "not put back over somebody else's");
        i32::from(exit.code())
    });
}

#[test]
fn g1_after_the_run_a_signal_kills_again() {
    // catches: a disposition that looks restored while the signal is still swallowed
    fn scenario(_: &str) -> i32 {
        assert_eq!(registry::run(|_| Ok(())).code(), 0);
        say("after");
        linger(20_000);
        3
    }
    let mut child = child("", scenario);
    child.until("after").signal(SIGINT);
    let done = child.finish();
    assert_eq!((done.signal, done.code), (Some(SIGINT), None), "{done:#?}");
}

/// Sends itself a signal when it drops.
struct Farewell;

impl Drop for Farewell {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: it has no preconditions; the handler has run when it returns.
        assert_eq!(unsafe { libc::raise(SIGINT) }, 0);
    }
}

#[test]
fn g1_a_signal_when_all_are_home_is_without_effect() {
    // catches: one that kills since the handlers are gone too early, changes a result that stands, or stops the next run
    child_passes(|_| {
        thread_local!(static LAST: Farewell = const { Farewell });
        let exit = registry::run(|s| {
            // A destructor of the OS thread runs when that is joined: after the scope is over, before `run` returns.
            s.spawn("worker", "leaves something", |_| Ok(LAST.with(|_| ())))?.join()?;
            Ok(())
        });
        assert!(exit.result.is_ok() && exit.shutdown.reason.is_none(), "{}", exit.shutdown);
        assert_eq!(exit.code(), 0);
        let next = registry::run(|s| Ok(s.context().sleep(Duration::from_millis(20))?));
        i32::from(next.code())
    });
}

#[test]
fn g1_signals_can_be_left_alone() {
    // catches: none() and without() that still take the signal
    fn scenario(how: &str) -> i32 {
        let signals = match how {
            "none" => Signals::none(),
            _ => Signals::default().without(SIGTERM),
        };
        let before = disposition(SIGTERM);
        let exit = Registry::new("alone").signals(signals).run(|s| {
            assert_eq!(disposition(SIGTERM), before);
            assert_eq!(how == "none", disposition(SIGINT) == libc::SIG_DFL);
            Ok(drop(waits(s)?))
        });
        i32::from(exit.code())
    }
    for how in ["none", "without"] {
        let mut child = child(how, scenario);
        child.until("ready").signal(SIGTERM);
        let done = child.finish();
        assert_eq!(done.signal, Some(SIGTERM), "{how}: {done:#?}");
    }
}

#[test]
fn g1_a_forwarded_signal_is_a_message_and_stops_nothing() {
    // catches: a forward that stops; a full or dead channel that blocks the signals behind it
    fn scenario(_: &str) -> i32 {
        let (to, got) = unbounded();
        let (full, _never_read) = bounded(0);
        let (dead, gone) = bounded(1);
        drop(gone);
        let signals = Signals::default().forward(SIGUSR1, to).forward(libc::SIGUSR2, full);
        let root = Registry::new("forward").signals(signals.forward(libc::SIGWINCH, dead));
        let exit = root.run(|s| {
            say("ready");
            for _ in 0..2 {
                assert_eq!(s.context().recv(&got)?, SIGUSR1);
                assert!(!s.is_stopping());
                say("got it");
            }
            s.context().wait_for_stop();
            Ok(())
        });
        i32::from(exit.code())
    }
    let mut child = child("", scenario);
    child.until("ready").signal(libc::SIGUSR2).signal(libc::SIGWINCH).signal(SIGUSR1);
    child.until("got it").signal(SIGUSR1);
    linger(100);
    child.signal(SIGTERM);
    let done = child.finish();
    assert_eq!((done.code, done.out.matches("<got it>").count()), (Some(0), 2), "{done:#?}");
}

#[test]
fn g1_callbacks_of_a_signal_run_on_the_stopper() {
    // catches: user code in a signal handler, or on the watch
    fn scenario(_: &str) -> i32 {
        let (tell, told) = bounded(1);
        let exit = registry::run(|s| {
            let _guard = s.context().on_stop(move || {
                let name = std::thread::current().name().map(str::to_owned);
                tell.send(name).unwrap();
            });
            waits(s)?;
            Ok(told.recv()?.unwrap_or_default())
        });
        assert!(exit.result.is_ok_and(|name| name.contains("stopper")));
        0
    }
    let mut child = child("", scenario);
    child.until("ready").signal(SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
}

#[test]
fn g2_sigquit_prints_the_dump_and_on_it_goes() {
    // catches: a core dump, a stop, a dump without the threads, one dump only
    let mut child = child("", wait_for_signal);
    child.until("ready").signal(SIGQUIT).until_stderr("waits for the signal");
    let once = child.stderr().matches("waits for the signal").count();
    child.signal(SIGQUIT);
    child.until_nth_stderr("waits for the signal", 2 * once);
    child.signal(SIGTERM);
    let done = child.finish();
    assert!(done.code == Some(0) && done.out.contains("<signal 15>"), "{done:#?}");
}

#[test]
fn g2_sigquit_while_a_thread_holds_stderr_and_stdout() {
    // catches: a dump that waits for a lock which the program holds
    fn scenario(_: &str) -> i32 {
        let exit = registry::run(|s| {
            let _err = std::io::stderr().lock();
            Ok(drop(waits(s)?))
        });
        i32::from(exit.code())
    }
    let mut child = child("", scenario);
    child.until("ready").signal(SIGQUIT).signal(SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
}

/// Ends in the way `how` says, through `Termination` as a main function would.
fn ends(how: &str) -> i32 {
    let root = Registry::new("ends").grace(Duration::from_millis(100)).kill_after(LIMIT);
    let exit: Exit<()> = root.run(|s| {
        match how {
            "ok" => {}
            "err" => return Err(boom("the body's own error")),
            "thread err" => drop(s.spawn("culprit", "fails", |_| -> Result { Err(boom("it fails")) })?),
            "thread panic" => drop(s.spawn("culprit", "falls", |_| -> Result { panic!("it falls") })?),
            "stopped" => {
                s.stop();
                s.context().checkpoint()?;
            }
            "int" | "int and err" => {
                rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::INT)?;
                s.context().wait_for_stop();
                if how != "int" {
                    return Err(boom("in the clean-up"));
                }
                s.context().checkpoint()?;
            }
            _ => {
                s.spawn("late", "is overdue", |cx| -> Result {
                    eventually("it is overdue", || cx.is_overdue());
                    linger(50);
                    Err(boom("late and wrong"))
                })?;
                s.stop();
                linger(300);
            }
        }
        Ok(())
    });
    let code = exit.code();
    assert!(Termination::report(exit) == ExitCode::from(code));
    i32::from(code)
}

#[test]
fn g3_exit_codes() {
    // catches: the order of precedence: overdue 70, failure 1, SIGINT 130, else 0
    let table = [
        ("ok", 0, ""),
        ("err", 1, "the body's own error"),
        ("thread err", 1, "it fails"),
        ("thread panic", 1, "it falls"),
        ("stopped", 0, ""),
        ("int", 130, ""),
        ("int and err", 1, "in the clean-up"),
        ("late", 70, "late and wrong"),
    ];
    for (how, code, told) in table {
        let done = in_child(how, ends);
        assert_eq!(done.code, Some(code), "{how}: {done:#?}");
        assert!(done.err.contains(told), "{how} is not told on stderr: {done:#?}");
    }
}

#[test]
fn g3_main_may_return_an_exit() {
    // catches: an Exit that main cannot return, bare or in a Result
    fn is_termination<T: Termination>() {}
    is_termination::<Exit<()>>();
    is_termination::<Result<Exit<()>>>();
    is_termination::<Result<Exit<()>, homebound::ScopeError>>();
}

#[test]
fn g4_a_second_run_is_refused_and_its_body_not_run() {
    // catches: two owners of the signals; a panic, or a hang, in place of a clear error
    child_passes(|_| {
        let ran = AtomicUsize::new(0);
        let refused = |from: &str| {
            let exit = registry::run(|_| Ok(ran.fetch_add(1, Ordering::SeqCst)));
            assert_eq!(exit.code(), 1, "from {from}");
            assert!(exit.result.unwrap_err().to_string().len() > 10, "from {from}");
        };
        let exit = registry::run(|s| {
            refused("the body");
            s.spawn("worker", "tries", |_| Ok(refused("a worker")))?.join()?;
            std::thread::scope(|threads| {
                threads.spawn(|| refused("another thread"));
            });
            assert!(!s.is_stopping());
            s.subscope("sub", |_| Ok(refused("a subscope")))?;
            Ok(())
        });
        assert!(exit.result.is_ok());
        scope(|_| Ok(refused("a standalone scope"))).unwrap();
        assert_eq!(ran.load(Ordering::SeqCst), 0);
        i32::from(exit.code())
    });
}

#[test]
fn g4_run_after_run_works_whatever_became_of_the_first() {
    // catches: a slot that stays taken after an error or a panic
    child_passes(|_| {
        let before = os_threads();
        for _ in 0..3 {
            assert_eq!(registry::run(|_| Ok(5)).into_result().unwrap(), 5);
            assert_eq!(registry::run(|_| -> Result { Err(boom("no")) }).code(), 1);
            let payload = panics(|| registry::run(|_| -> Result { panic!("out of the body") }));
            assert_eq!(text(&*payload), "out of the body");
            assert!(registry::snapshot().is_none());
            assert_eq!(os_threads(), before, "internal threads are joined");
        }
        0
    });
}

#[test]
fn g4_a_panicking_body_is_told_of_the_other_failures_on_stderr() {
    // catches: failures lost behind the body's panic
    fn scenario(_: &str) -> i32 {
        let payload = panics(|| {
            registry::run(|s| -> Result {
                s.spawn("culprit", "fails when it is stopped", |cx| -> Result {
                    cx.wait_for_stop();
                    Err(boom("found in the clean-up"))
                })?;
                panic!("out of the body")
            })
        });
        i32::from(text(&*payload) != "out of the body")
    }
    let done = in_child("", scenario);
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert!(done.err.contains("found in the clean-up"), "{done:#?}");
}

#[test]
fn run_is_named_after_the_executable() {
    // catches: a root without a name
    child_passes(|_| {
        let exe = std::env::current_exe().unwrap();
        let exe = exe.file_stem().unwrap().to_str().unwrap();
        let exit = registry::run(|s| Ok(assert!(s.context().path().starts_with(&format!("/{exe}")))));
        i32::from(exit.code())
    });
}

#[test]
fn a_stop_by_signal_that_is_not_obeyed_ends_overdue() {
    // catches: a kill clock that signals do not start
    fn scenario(_: &str) -> i32 {
        let brief = Duration::from_millis(200);
        let root = Registry::new("stuck").grace(brief).kill_after(brief);
        let (_keep, never) = gate();
        let exit = root.on_overdue(OnOverdue::Exit(70)).run(|s| {
            s.spawn("deaf-one", "does not listen", |_| {
                pass(&never);
                Ok(())
            })?;
            say("ready");
            Ok(pass(&never))
        });
        i32::from(exit.code())
    }
    let mut child = child("", scenario);
    child.until("ready").signal(SIGTERM);
    let done = child.finish();
    assert!(done.code == Some(70) && done.err.contains("deaf-one"), "{done:#?}");
    assert!(done.took < Duration::from_secs(10), "{done:#?}");
}

#[test]
fn a_signal_in_the_middle_of_the_start_or_the_end_is_not_lost() {
    // catches: a window in which a signal kills, hangs, or is delivered to the next run
    fn scenario(_: &str) -> i32 {
        let ended = AtomicBool::new(false);
        set_disposition(SIGTERM, libc::SIG_IGN);
        set_disposition(SIGINT, does_nothing as *const () as libc::sighandler_t);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                while !ended.load(Ordering::SeqCst) {
                    let me = rustix::process::getpid();
                    rustix::process::kill_process(me, rustix::process::Signal::INT).unwrap();
                    linger(1);
                }
            });
            for _ in 0..200 {
                let exit = registry::run(|s| {
                    let worker = |cx: &Context| Ok(cx.checkpoint()?);
                    let _ = s.spawn("worker", "may be stopped", worker);
                    Ok(())
                });
                assert!(exit.result.is_ok() && [0, 130].contains(&exit.code()));
            }
            ended.store(true, Ordering::SeqCst);
        });
        0
    }
    let done = in_child("", scenario);
    assert_eq!(done.code, Some(0), "{done:#?}");
}

#[test]
fn r3_an_overdue_thread_is_logged_by_the_stopper_while_it_is_stuck() {
    // catches: an overdue thread that nobody hears of before the end; a log from the wrong thread
    child_passes(|_| {
        let (tell, told) = unbounded();
        let subscriber = Told::new(move |line: &str| {
            let by = std::thread::current().name().unwrap_or_default().to_owned();
            let _ = tell.send((by, line.to_owned()));
        });
        tracing::subscriber::set_global_default(subscriber).expect("the first one");
        let exit = Registry::new("late").grace(Duration::from_millis(100)).kill_after(LIMIT).run(|s| {
            let (open, gate) = gate();
            s.spawn("stuck-one", "does not listen", move |cx| Ok(cx.waiting("printer", || pass(&gate))))?;
            s.stop();
            let overdue = |(_, line): &(String, String)| {
                let loud = line.contains("WARN") || line.contains("ERROR");
                loud && line.contains("stuck-one")
            };
            let (by, line) = told.iter().find(overdue).expect("it is logged while it is stuck");
            assert!(by.contains("stopper"), "{by}: {line}");
            for part in ["does not listen", "/late/stuck-one", "printer", concat!(file!(), ":")] {
                assert!(line.contains(part), "no {part:?} in {line}");
            }
            drop(open);
            Ok(())
        });
        i32::from(exit.code() != 70)
    });
}

#[test]
fn a_scope_that_ends_in_a_forked_child_aborts_with_a_message() {
    // catches: a fork's copy of the scope that waits for ever for threads it does not have
    fn scenario(_: &str) -> i32 {
        let mut forked = 0;
        let result = scope(|s| {
            s.spawn("worker", "is not there in the copy", until_stopped)?;
            // SAFETY: the copy only leaves the scope, which must abort it.
            forked = unsafe { libc::fork() };
            if forked != 0 {
                s.stop();
            }
            Ok(())
        });
        let mut status = 0;
        eventually("the copy is gone", || {
            // SAFETY: `status` is a local.
            let ended = unsafe { libc::waitpid(forked, &mut status, libc::WNOHANG) };
            ended == forked
        });
        assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGABRT, "{status}");
        i32::from(result.is_err())
    }
    let done = in_child("", scenario);
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert!(done.err.contains("fork"), "{done:#?}");
}

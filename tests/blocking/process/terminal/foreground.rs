//! A child in the foreground has the terminal, and the program has it again afterwards, as it was.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use super::{Screen, editor, sleeper, stat, waits_for_input};
use crate::common::pty::pty;
use crate::common::{NEVER, in_scope, linger, say};
use homebound::Scope;
use homebound::registry::Registry;

/// Runs `script` in a terminal of its own; `$APP` in it is this test again, in which `scenario` is
/// run.
#[track_caller]
fn in_terminal(script: &str, scenario: fn(&str) -> i32, see: impl FnOnce(&Screen) + Send + 'static) {
    if std::env::var("HOMEBOUND_TEST_CHILD").is_ok() {
        crate::common::child("", scenario);
    }
    let this = std::env::current_exe().expect("the test binary has a path");
    let app =
        format!("{} {} --exact --nocapture --test-threads=1", this.display(), crate::common::test_name());
    let script = script.replace("$APP", &app);
    in_scope(move |scope| {
        let (master, slave) = pty();
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).env("HOMEBOUND_TEST_CHILD", "").env_remove("RUST_BACKTRACE");
        shell.stdin(slave.try_clone()?).stdout(slave.try_clone()?).stderr(slave);
        let shell = scope.process("shell", "has a terminal", shell).controlling_terminal().spawn()?;
        let screen = Screen::new(master);
        see(&screen);
        let status = shell.wait()?;
        assert!(status.success(), "{status}: {}", screen.text());
        Ok(())
    });
}

fn in_foreground(pid: &str) -> bool {
    let [group, _, _, foreground] = stat(pid);
    group == foreground
}

/// Runs `body` as a program that has a terminal. The child's end by SIGINT is none of its own.
fn app(body: impl for<'s> FnOnce(&'s Scope<'s, '_>) -> homebound::Result) -> i32 {
    i32::from(Registry::new("app").run(body).code())
}

#[test]
fn a_child_in_the_foreground_reads_from_the_terminal_and_gives_it_back() {
    let scenario = |_: &str| {
        app(|scope| {
            assert!(in_foreground("self"));
            for round in 0..3 {
                let child = editor(scope, waits_for_input())?;
                assert!(in_foreground(&child.pid().to_string()) && !in_foreground("self"));
                // catches: two that take the terminal from each other.
                let second = editor(scope, sleeper());
                assert!(second.is_err_and(|error| error.to_string().contains("another child has")));
                // The first ends by itself, the second by a key, which must not reach this program,
                // the third by our stop.
                if round == 2 {
                    child.stop();
                }
                say(&format!("looked {round}"));
                let status = child.wait()?;
                assert_eq!(status.signal(), [None, Some(2), Some(15)][round]);
                // catches: a terminal that is its dead child's: the next read would suspend this
                // program.
                assert!(in_foreground("self"));
                say(&format!("round {round}"));
            }
            assert!(editor(scope, Command::new("/no/such/editor")).is_err());
            assert!(in_foreground("self"), "given back by one that was not started");
            let mut line = String::new();
            std::io::stdin().read_line(&mut line)?;
            Ok(say(&format!("app got {}", line.trim())))
        })
    };
    in_terminal("$APP", scenario, |screen| {
        screen.until("<looked 0>");
        screen.press("one\n");
        screen.until("child got one");
        screen.until("<round 0>");
        screen.until("<looked 1>");
        screen.press("\x03");
        screen.until("<round 2>");
        screen.press("mine\n");
        screen.until("<app got mine>");
    });
}

#[test]
fn ctrl_z_suspends_the_child_and_the_program() {
    let scenario = |_: &str| {
        app(|scope| {
            let mut twice = Command::new("sh");
            twice.args(["-c", "echo child-ready; read word; echo got-$word; read word; echo got-$word"]);
            assert!(editor(scope, twice)?.wait()?.success());
            assert!(in_foreground("self"));
            Ok(say("home"))
        })
    };
    // catches: a child that stands still while its program waits for it for ever; a program that is
    // suspended twice for one Ctrl-Z; a child that does not get the terminal again.
    let script = "set -m; $APP; echo suspended-1; fg; echo suspended-2; fg; echo over";
    in_terminal(script, scenario, |screen| {
        screen.until("child-ready");
        screen.press("\x1a");
        screen.until("suspended-1");
        screen.press("one\n");
        screen.until("got-one");
        screen.press("\x1a");
        screen.until("suspended-2");
        screen.press("two\n");
        screen.until("got-two");
        screen.until("<home>");
        screen.until("over");
    });
}

#[test]
fn who_starts_in_the_background_gets_the_terminal_with_its_program() {
    let scenario = |_: &str| {
        app(|scope| {
            let child = editor(scope, waits_for_input())?;
            assert!(child.wait()?.success());
            Ok(say("home"))
        })
    };
    // catches: a terminal that is taken from the shell; a child that stands still for want of it
    // and is never helped.
    in_terminal("set -m; $APP & echo prompt; read line; echo shell got $line; fg", scenario, |screen| {
        screen.until("-ready");
        screen.press("mine\n");
        screen.until("shell got mine");
        screen.press("word\n");
        screen.until("child got word");
        screen.until("<home>");
    });
}

#[test]
fn modes_are_as_before_a_child_that_is_killed() {
    let scenario = |_: &str| {
        app(|scope| {
            let mut raw = Command::new("sh");
            raw.args(["-c", "stty raw -echo; kill -9 $$"]);
            assert_eq!(editor(scope, raw)?.wait()?.signal(), Some(9));
            let modes = rustix::termios::tcgetattr(std::io::stdin())?;
            // catches: a terminal without echo, and without lines.
            assert!(modes.local_modes.contains(rustix::termios::LocalModes::ICANON));
            Ok(say("home"))
        })
    };
    in_terminal("$APP", scenario, |screen| screen.until("<home>"));
}

#[test]
fn an_end_by_force_gives_the_terminal_back() {
    let scenario = |_: &str| {
        app(|scope| {
            let mut deaf = Command::new("sh");
            deaf.args(["-c", "trap '' TERM; echo child-ready; while :; do sleep 1000; done"]);
            let child = scope.process("deaf", "has the terminal", deaf).foreground().grace(NEVER).spawn()?;
            say(&format!("app {}", std::process::id()));
            say("waiting");
            // Ends at the stop, so *watch* has heard the first signal by then.
            let ended = child.wait();
            say("told");
            ended?;
            Ok(())
        })
    };
    // catches: a shell that is refused its own terminal, since a dead group has it.
    in_terminal("$APP; echo code $?; read line && echo shell got $line", scenario, |screen| {
        screen.until("child-ready");
        screen.until("<waiting>");
        let text = screen.text();
        let pid = text.split("<app ").nth(1).and_then(|rest| rest.split('>').next()).expect("a pid");
        let pid = rustix::process::Pid::from_raw(pid.parse().expect("a number")).expect("a pid");
        let terminate = || rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        terminate().expect("it is there");
        // A second signal within half a second would be the same keystroke. The half second begins
        // when *watch* has heard the first one, which takes a while on a busy machine.
        screen.until("<told>");
        linger(700);
        terminate().expect("it is there");
        screen.until("code 143");
        screen.press("mine\n");
        screen.until("shell got mine");
    });
}

/// A container whose first process made no session of its own: the kernel shows the session of its
/// processes as 0.
#[test]
fn all_of_this_works_where_the_session_is_outside_of_the_namespace() {
    let namespace = ["--user", "--map-root-user", "--pid", "--fork", "--mount-proc"];
    let inside = |program: &std::path::Path| {
        let mut command = Command::new("unshare");
        command.args(namespace).arg(program).env_remove("HOMEBOUND_TEST_CHILD").stdin(Stdio::null());
        command
    };
    if !inside("true".as_ref()).status().is_ok_and(|status| status.success()) {
        return eprintln!("skipped: no namespaces may be made here");
    }
    let mut tests = inside(&std::env::current_exe().expect("the test binary has a path"));
    tests.args(["process::terminal::", "--skip", &crate::common::test_name()]);
    let output = crate::common::within(move || tests.output().expect("it was started before"));
    let text = String::from_utf8_lossy(&output.stdout);
    // catches: a `Pid` that is made of 0.
    assert!(output.status.success(), "{text}");
    assert!(text.contains("0 failed") && !text.contains(" 0 passed"), "{text}");
}

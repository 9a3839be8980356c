//! Children with sessions and terminals: who is in the foreground, who has it afterwards. With real pseudo-terminals.
#![cfg(target_os = "linux")]
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::common::pty::pty;
use crate::common::{NEVER, child_passes, in_scope, linger, say};
use homebound::registry::Registry;
use homebound::{OnExit, Process, Scope, SpawnError};

/// What stands last on a screen.
const DARK: &str = "<no program is left>";

/// What stands on the screen, and the keyboard.
struct Screen {
    keys: File,
    text: Arc<Mutex<String>>,
}

impl Screen {
    fn new(master: File) -> Screen {
        let (keys, text) = (master.try_clone().expect("a copy"), Arc::new(Mutex::new(String::new())));
        let (mut master, into) = (master, Arc::clone(&text));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // An error: the last of the programs has gone.
            while let Ok(count @ 1..) = master.read(&mut bytes) {
                into.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
            into.lock().unwrap().push_str(DARK);
        });
        Screen { keys, text }
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    #[track_caller]
    fn until(&self, word: &str) {
        let start = std::time::Instant::now();
        while !self.text().contains(word) {
            assert!(!self.text().contains(DARK), "no {word:?}: {}", self.text());
            assert!(start.elapsed() < crate::common::LIMIT, "no {word:?}: {}", self.text());
            linger(1);
        }
    }

    fn press(&self, keys: &str) {
        (&self.keys).write_all(keys.as_bytes()).expect("somebody has the terminal");
    }
}

/// Runs `script` in a terminal of its own; `$APP` in it is this test again, in which `scenario` is run.
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

/// What the kernel says of a process: group, session, terminal, the terminal's foreground group.
fn stat(pid: &str) -> [i32; 4] {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it is there");
    let fields: Vec<i32> = stat[stat.rfind(')').unwrap() + 1..]
        .split_whitespace()
        .skip(2)
        .take(4)
        .map(|field| field.parse().expect("a number"))
        .collect();
    fields.try_into().expect("four")
}

fn in_foreground(pid: &str) -> bool {
    let [group, _, _, foreground] = stat(pid);
    group == foreground
}

fn waits_for_input() -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "echo child-$$-ready; read word; echo child got $word"]);
    command
}

fn sleeper() -> Command {
    let mut command = Command::new("sleep");
    command.arg("1000").stdin(Stdio::null());
    command
}

#[allow(unsafe_code)]
fn with_setsid(mut command: Command) -> Command {
    let setsid = || match rustix::process::setsid() {
        Ok(_) => Ok(()),
        Err(refused) => Err(refused.into()),
    };
    // SAFETY: one system call.
    unsafe { command.pre_exec(setsid) };
    command
}

#[test]
fn a_child_leads_a_session_if_it_is_asked_to() {
    in_scope(|scope| {
        let leads = |child: Process<'_>| {
            let pid = child.pid() as i32;
            assert_eq!(stat(&pid.to_string())[..2], [pid, pid], "its group, its session");
            child.stop();
            // catches: a group that no signal reaches any more.
            assert_eq!(child.wait().unwrap().signal(), Some(15));
        };
        leads(scope.process("asked", "has a session", sleeper()).session().spawn()?);
        // catches: the usual way to a session, refused since the child leads a group before.
        leads(scope.process("usual", "makes a session", with_setsid(sleeper())).spawn()?);
        leads(scope.process("both", "has and makes one", with_setsid(sleeper())).session().spawn()?);
        let mut refused = sleeper();
        refused.process_group(0);
        let refused = scope.process("leader", "is refused", with_setsid(refused)).spawn();
        let Err(SpawnError::Os(error)) = refused else { panic!("{refused:?}") };
        // catches: a refusal that sends its reader to the rights of a file.
        let text = SpawnError::Os(error).to_string();
        assert!(text.contains("setsid") && text.contains("session()"), "{text}");
        Ok(())
    });
}

#[test]
fn a_session_has_the_terminal_that_is_its_input() {
    in_scope(|scope| {
        let (master, slave) = pty();
        let mut command = waits_for_input();
        command.stdin(slave.try_clone()?).stdout(slave.try_clone()?).stderr(slave);
        let child = scope.process("repl", "has a terminal", command).on_exit(OnExit::Ignore);
        let child = child.controlling_terminal().spawn()?;
        let screen = Screen::new(master);
        screen.until("-ready");
        let (pid, [group, session, terminal, foreground]) = (child.pid(), stat(&child.pid().to_string()));
        assert_eq!([group, session, foreground], [pid as i32; 3]);
        assert_ne!(terminal, 0);
        screen.press("\x03");
        // catches: a terminal that is nobody's, so that its keys reach nobody.
        assert!(matches!(child.wait()?.signal(), Some(2)));
        Ok(())
    });
    in_scope(|scope| {
        let refused = scope.process("no terminal", "is refused", sleeper()).controlling_terminal().spawn();
        let Err(error) = refused else { panic!("{refused:?}") };
        assert!(error.to_string().contains("is its standard input a terminal?"), "{error}");
        let both = scope.process("both", "is refused", sleeper()).session().foreground().spawn();
        assert!(both.is_err_and(|error| error.to_string().contains("either")));
        assert!(scope.active_threads().is_empty());
        Ok(())
    });
}

/// Runs `body` as a program that has a terminal. The child's end by SIGINT is none of its own.
fn app(body: impl for<'s> FnOnce(&'s Scope<'s, '_>) -> homebound::Result) -> i32 {
    i32::from(Registry::new("app").run(body).code())
}

fn editor<'s>(scope: &Scope<'s, '_>, command: Command) -> Result<Process<'s>, SpawnError> {
    scope.process("editor", "reads keys", command).on_exit(OnExit::Ignore).foreground().spawn()
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
                // The first ends by itself, the second by a key, which must not reach this program, the third by our stop.
                if round == 2 {
                    child.stop();
                }
                say(&format!("looked {round}"));
                let status = child.wait()?;
                assert_eq!(status.signal(), [None, Some(2), Some(15)][round]);
                // catches: a terminal that is its dead child's: the next read would suspend this program.
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
    // catches: a child that stands still while its program waits for it for ever; a program that is suspended twice for one
    // Ctrl-Z; a child that does not get the terminal again.
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
    // catches: a terminal that is taken from the shell; a child that stands still for want of it and is never helped.
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
            child.wait()?;
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
        // A second signal within half a second would be the same keystroke.
        linger(700);
        terminate().expect("it is there");
        screen.until("code 143");
        screen.press("mine\n");
        screen.until("shell got mine");
    });
}

#[test]
fn without_a_terminal_a_child_is_as_others() {
    child_passes(|_| {
        rustix::process::setsid().expect("not a leader yet");
        in_scope(|scope| {
            let mut command = Command::new("true");
            command.stdin(Stdio::null());
            // catches: an editor that is refused where nothing is there to lend.
            assert!(editor(scope, command)?.wait()?.success());
            Ok(())
        });
        0
    });
}

/// A container whose first process made no session of its own: the kernel shows the session of its processes as 0.
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
    tests.args(["--skip", &crate::common::test_name()]);
    let output = crate::common::within(move || tests.output().expect("it was started before"));
    let text = String::from_utf8_lossy(&output.stdout);
    // catches: a `Pid` that is made of 0.
    assert!(output.status.success(), "{text}");
    assert!(text.contains("0 failed") && !text.contains(" 0 passed"), "{text}");
}

//! G3: each end of a run has its exit code.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::process::{ExitCode, Termination};
use std::time::Duration;

use crate::common::*;
use homebound::registry::Registry;
use homebound::{Exit, Result};

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

//! G1 to G4: `run` as the owner of signals, the exit code and the process.
//! Everything here runs in a re-executed child, with real signals.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

mod g1_signals;
mod g2_dump;
mod g3_code;
mod g4_runs;
mod gh_history;
mod in8_other_crates;
mod main_thread;
mod overdue;
mod signals;

use crate::common::*;
use homebound::registry::{self, Registry};
use homebound::{Result, Scope, StopReason};

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

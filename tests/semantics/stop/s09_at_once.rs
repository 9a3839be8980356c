//! S9: a wait hears of a stop before the callbacks of the program run, so a callback that hangs
//! holds up none.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::fs::OpenOptions;

use crate::common::*;
use homebound::{JoinError, Result, Scope, is_stop};

/// The waits that sleep on no node of the tree of stops, while a callback of their scope hangs.
fn are_told(s: &Scope<'_, '_>, stop: impl FnOnce()) -> Result {
    let ((open, gate), (free, busy)) = (gate(), gate());
    let _hangs = s.context().on_stop(move || pass(&gate));

    let pool = s.pool("closed", "has a job that waits for the stop").threads(1).start()?;
    let job = pool.submit(s.context(), |cx| Ok(cx.wait_for_stop()))?;
    let closes = s.spawn("closes", "closes a pool", move |_| Ok(pool.close()?))?;

    let pool = s.pool("busy", "has a job that is deaf").threads(1).start()?;
    let first = pool.submit(s.context(), move |_| Ok(pass(&busy)))?;
    let queued = pool.submit(s.context(), |_| Ok(()))?;
    let joins = s.spawn("joins", "joins a job that is queued", move |_| {
        Ok(assert!(matches!(queued.join(), Err(JoinError::Stopped(_)))))
    })?;

    let path = std::env::temp_dir().join(format!("homebound-at-once-{}", std::process::id()));
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU)?;
    let place = path.clone();
    let opens = s.spawn("opens", "opens a FIFO", move |cx| {
        Ok(assert!(is_stop(&cx.open_fifo(place, OpenOptions::new().read(true)).unwrap_err())))
    })?;
    for what in ["group", "join", "open"] {
        eventually("each waits", || {
            s.active_threads().iter().any(|thread| thread.wait.as_ref().is_some_and(|wait| wait.what == what))
        });
    }
    std::fs::remove_file(path)?;
    stop();
    // While the callback hangs.
    opens.join()?;
    joins.join()?;
    closes.join()?;
    drop((open, free));
    Ok(drop((job, first)))
}

#[test]
fn s9_a_callback_that_hangs_holds_up_no_wait() {
    // catches: a wait that is told by a callback, behind the callbacks of the program
    in_scope(|s| {
        let stopper = s.stopper();
        are_told(s, || drop(std::thread::spawn(move || stopper.stop())))
    });
}

#[test]
fn s9_a_callback_that_hangs_holds_up_no_wait_at_a_signal_of_a_run() {
    // catches: the same on the thread that stops for a signal
    child_passes(|_| {
        let exit = homebound::Registry::new("app").run(|s| {
            are_told(s, || {
                let own = rustix::process::getpid();
                rustix::process::kill_process(own, rustix::process::Signal::TERM).expect("it is ours");
            })
        });
        assert!(exit.result.is_ok(), "{:?}", exit.result);
        0
    });
}

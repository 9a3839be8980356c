//! DR4: a notice whose end *watch* cannot carry out.

use std::time::Duration;

use homebound::Registry;

use crate::common::*;
use crate::held::{hold_watch, raise};

const NOTICE: Duration = Duration::from_millis(600);

/// `notice` is in milliseconds.
fn held(notice: &str) -> i32 {
    let notice = Duration::from_millis(notice.parse().unwrap());
    let (_keep, never) = gate();
    let registry =
        Registry::new("held").drain_notice(notice).grace(Duration::ZERO).kill_after(Duration::ZERO);
    let exit = registry.run(|s| {
        hold_watch(s);
        s.spawn("signalled", "handles the signals", |_| {
            raise(libc::SIGTERM);
            say("warned");
            if notice > NOTICE {
                raise(libc::SIGTERM);
            }
            Ok(())
        })?;
        Ok(pass(&never))
    });
    i32::from(exit.code())
}

#[test]
fn dr4_the_kernel_ends_the_process_after_notice_and_grace() {
    let mut child = child(&NOTICE.as_millis().to_string(), held);
    child.until("warned");
    let done = child.finish();
    assert_eq!(done.code, Some(70), "{done:#?}");
    // The notice, and the 2 s that *watch* would have had; not 2 s after the signal.
    assert!(done.took > NOTICE + Duration::from_secs(2), "too early: {done:#?}");
}

#[test]
fn dr4_a_second_signal_ends_the_notice_for_the_kernel_too() {
    let done = in_child(&NEVER.as_millis().to_string(), held);
    assert_eq!(done.code, Some(70), "{done:#?}");
}

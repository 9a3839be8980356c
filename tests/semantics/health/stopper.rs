//! HE11: while *stopper* is in the program's code, *watch* looks at it.

use super::*;
use homebound::Registry;
use homebound::registry::OnStuck;

/// A callback of a stop that hangs on *stopper*, for `STUCK` and more.
fn hangs(health: Health, body: fn()) -> i32 {
    let exit = Registry::new("app").health(health).run(move |s| {
        let (go, gone) = crossbeam_channel::bounded::<()>(0);
        let group = s.group("group")?;
        let callback = group.context().on_stop(move || pass(&gone));
        // The deadline is passed by a thread that waits for nothing, so *stopper* marks it.
        let deadline = Instant::now() + LOOK;
        s.context().with_deadline(deadline, |cx| {
            let hung = cx.on_stop(move || sleep_outside(STUCK * 4));
            let _ = s.context().sleep(LOOK * 2);
            body();
            drop(hung);
        });
        drop((go, callback, group));
        Ok(())
    });
    i32::from(exit.code())
}

#[test]
fn he11_a_stopper_that_hangs_in_a_callback_is_told_of_once() {
    let done = in_child("", |_| hangs(quick(), || let_pass(STUCK * 2)));
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert_eq!(done.err.matches("homebound-stopper is stuck").count(), 1, "{}", done.err);
}

#[test]
fn he11_a_stopper_that_hangs_ends_the_process_if_that_was_asked_for() {
    let done = in_child("", |_| hangs(quick().on_stuck(OnStuck::Exit(78)), || let_pass(STUCK * 4)));
    assert_eq!(done.code, Some(78), "{done:#?}");
    assert!(done.err.contains("homebound-stopper is stuck"), "{}", done.err);
}

//! HE2: of a thread that was told to stop no alarm is raised, and none comes further.

use super::*;
use homebound::Registry;
use homebound::registry::OnStuck;

#[test]
fn he2_the_alarm_of_a_thread_that_was_told_to_stop_comes_no_further() {
    // catches: a thread that is warned of, and becomes stuck in its grace: the process is ended, or
    // an ERROR is logged
    child_passes(|_| {
        let lines = Lines::of_process();
        let lock = Arc::new(Mutex::new(()));
        let held = lock.lock().unwrap();
        let health = quick().on_stuck(OnStuck::Exit(77));
        let exit = Registry::new("app").health(health).grace(LIMIT).run(|s| {
            for name in ["warned", "well"] {
                let own = lock.clone();
                let wait = move |cx: &homebound::Context| {
                    if name == "well" {
                        cx.wait_for_stop();
                    }
                    Ok(drop(own.lock()))
                };
                s.spawn(name, "wants a lock of std's", wait)?;
            }
            lines.wait_for("WARN", 1);
            s.stop();
            let_pass(STUCK * 2);
            let alarm = row("warned").alarm.expect("the alarm stays");
            assert_eq!(alarm.level, homebound::status::AlarmLevel::Warned);
            assert_eq!(lines.all().len(), 1, "{:?}", lines.all());
            drop(held);
            Ok(lines.wait_for("INFO", 1))
        });
        i32::from(exit.code())
    });
}

#[test]
fn he2_a_thread_with_an_expectation_that_was_told_to_stop_is_no_alarm() {
    // catches: an expectation that is held to in the grace
    child_passes(|_| {
        let lines = Lines::of_process();
        let exit = Registry::new("app").health(quick()).grace(LIMIT).run(|s| {
            let (open, shut) = gate();
            let saver = s.thread("saver", "saves at the end").expect_every(WARN);
            saver.spawn(move |cx| {
                cx.wait_for_stop();
                Ok(pass(&shut))
            })?;
            eventually("it waits", || row("saver").wait.is_some());
            s.stop();
            let_pass(STUCK * 2);
            drop(open);
            Ok(assert_eq!(lines.all(), Vec::<String>::new()))
        });
        i32::from(exit.code())
    });
}

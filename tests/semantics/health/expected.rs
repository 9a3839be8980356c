//! HE5, HE6: threads that have said what to expect of them.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use homebound::status::AlarmLevel;
use homebound::{Child, Registry, Restart};

const EVERY: Duration = Duration::from_millis(800);

#[test]
fn he5_a_loop_without_a_sign_of_progress_is_stuck() {
    child_passes(|_| {
        let lines = Lines::of_process();
        let exit = Registry::new("app").health(quick()).run(|s| {
            let begin = Instant::now();
            let busy = s.thread("busy", "computes").expect_every(EVERY);
            busy.service(|cx| {
                // A look at the flag is no sign of progress.
                while !cx.is_stopping() {
                    std::hint::spin_loop();
                }
                Ok(())
            })?;
            lines.wait_for("ERROR", 1);
            assert!(begin.elapsed() >= EVERY, "{:?}", begin.elapsed());
            let alarm = row("busy").alarm.expect("it is stuck");
            assert_eq!((alarm.level, alarm.expected_every), (AlarmLevel::Stuck, Some(EVERY)));
            let error = &lines.of("ERROR")[0];
            for fact in ["path=/app/busy", "purpose=computes", "expected_every=800", "stuck"] {
                assert!(error.contains(fact), "{fact} in {error}");
            }
            let_pass(EVERY * 2);
            Ok(assert_eq!(lines.all().len(), 1, "{:?}", lines.all()))
        });
        i32::from(exit.code())
    });
}

#[test]
fn he5_a_long_expectation_needs_one_more_look_and_not_half_its_time() {
    // catches: a thread that is to make progress each hour, and is told of half an hour late
    const EVERY: Duration = Duration::from_secs(4);
    fn app(_: &str) -> i32 {
        let lines = Lines::of_process();
        let exit = Registry::new("app").health(quick()).run(|s| {
            let begin = Instant::now();
            s.thread("busy", "computes").expect_every(EVERY).service(|cx| {
                Ok(while !cx.is_stopping() {
                    std::hint::spin_loop();
                })
            })?;
            lines.wait_for("ERROR", 1);
            Ok(say(&format!("in time: {}", begin.elapsed() < EVERY + EVERY / 3)))
        });
        i32::from(exit.code())
    }
    // A busy machine may delay the looks, but not each time.
    eventually("it is told of in time", || {
        let done = in_child("", app);
        assert_eq!(done.code, Some(0), "{done:#?}");
        done.out.contains("in time: true")
    });
}

#[test]
fn he5_beats_checkpoints_and_waits_are_signs_of_progress() {
    child_passes(|_| {
        let lines = Lines::of_process();
        let exit = Registry::new("app").health(quick()).run(|s| {
            let thread = |name| s.thread(name, "makes progress").expect_every(EVERY);
            thread("beats").service(|cx| {
                while !cx.is_stopping() {
                    cx.beat();
                }
                Ok(())
            })?;
            thread("checks").service(|cx| {
                while cx.checkpoint().is_ok() {
                    sleep_outside(Duration::from_millis(1));
                }
                Ok(())
            })?;
            thread("inside").service(|cx| {
                // A shield, and a scope of its own.
                while !cx.is_stopping() {
                    cx.shield(LOOK, |cx| cx.checkpoint().is_ok());
                    homebound::scope(|s| Ok(s.context().checkpoint()?))?;
                    sleep_outside(Duration::from_millis(1));
                }
                Ok(())
            })?;
            // A queue that is never empty: no receive blocks.
            let (full, jobs) = crossbeam_channel::bounded(10);
            let feeder = jobs.clone();
            thread("takes").service(move |cx| {
                while !cx.is_stopping() {
                    let _ = full.try_send(());
                    let _ = cx.recv(&jobs);
                }
                Ok(())
            })?;
            thread("again")
                .restart(Restart::always().no_backoff().for_ever().intensity(100_000, LOOK))
                .service(|cx| {
                    sleep_outside(Duration::from_millis(10));
                    cx.note("works");
                    Ok(())
                })?;
            let child = Child::new("child", "makes progress", |cx| Ok(while cx.sleep(LOOK).is_ok() {}));
            s.supervisor("sup", "keeps it").add(child.expect_every(EVERY)).start()?;
            let_pass(EVERY * 4);
            drop(feeder);
            Ok(assert_eq!(lines.all(), Vec::<String>::new()))
        });
        i32::from(exit.code())
    });
}

#[test]
fn he5_a_patience_lasts_as_long_as_it_says_and_no_longer() {
    child_passes(|_| {
        let lines = Lines::of_process();
        static OVER: AtomicBool = AtomicBool::new(false);
        let exit = Registry::new("app").health(quick()).run(|s| {
            let patience = EVERY * 3;
            let begin = Instant::now();
            let slow = s.thread("slow", "calls a library").expect_every(EVERY);
            slow.spawn(move |cx| {
                cx.patience(patience, || {
                    while !OVER.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                });
                cx.sleep(NEVER)?;
                Ok(())
            })?;
            lines.wait_for("ERROR", 1);
            assert!(begin.elapsed() >= patience, "{:?}", begin.elapsed());
            OVER.store(true, Ordering::Relaxed);
            // The end of the patience is a sign of progress.
            lines.wait_for("INFO", 1);
            Ok(s.stop())
        });
        i32::from(exit.code())
    });
}

#[test]
fn he5_a_patience_holds_back_the_warning_of_a_block_as_well() {
    child_passes(|_| {
        let lines = Lines::of_process();
        let exit = Registry::new("app").health(quick()).run(|s| {
            s.spawn("slow", "calls a library", |cx| Ok(cx.patience(WARN * 3, || sleep_outside(WARN * 2))))?
                .join()?;
            assert_eq!(lines.all(), Vec::<String>::new());
            let (open, shut) = gate();
            let begin = Instant::now();
            let slower =
                s.spawn("slower", "calls a library", move |cx| Ok(cx.patience(WARN * 2, || pass(&shut))))?;
            eventually("it is told of", || !lines.all().is_empty());
            assert!(begin.elapsed() >= WARN * 2, "{:?}", begin.elapsed());
            drop(open);
            Ok(slower.join()?)
        });
        i32::from(exit.code())
    });
}

#[test]
fn he6_a_wait_that_takes_too_long_is_an_alarm_that_names_it() {
    child_passes(|_| {
        let lines = Lines::of_process();
        // Without looks at all threads: those that have said what to expect are looked at.
        let exit = Registry::new("app").run(|s| {
            let (keep, dead) = crossbeam_channel::unbounded::<()>();
            let feed = s.thread("feed", "reads from a peer").expect_every(EVERY);
            feed.service(move |cx| Ok(drop(cx.recv(&dead))))?;
            lines.wait_for("ERROR", 1);
            let error = &lines.of("ERROR")[0];
            for fact in ["path=/app/feed", "waits=recv at tests/semantics/health/expected.rs:", "stuck"] {
                assert!(error.contains(fact), "{fact} in {error}");
            }
            assert_eq!(row("feed").pulse, None, "nobody has asked for looks");
            keep.send(())?;
            Ok(lines.wait_for("INFO", 1))
        });
        i32::from(exit.code())
    });
}

#[test]
fn he6_the_look_before_the_thread_has_begun_is_followed_by_another() {
    // catches: the only look that comes meets the thread between two runs, or before its first,
    // and is the last one, because no news follows
    child_passes(|_| {
        let lines = Lines::of_process();
        // Without looks at all threads: they go on only as long as there is something to look at.
        let exit = Registry::new("app").run(|s| {
            let (_keep, dead) = crossbeam_channel::unbounded::<()>();
            let runs = std::sync::atomic::AtomicU32::new(0);
            // The first restart is made at once. The second follows after a pause of more than two
            // looks, in which no OS thread runs the child.
            let pause = Duration::from_secs(4);
            let again = Restart::always().backoff(pause, pause);
            let feed = Child::new("feed", "reads from a peer", move |cx| {
                if runs.fetch_add(1, Ordering::Relaxed) > 1 {
                    cx.recv(&dead)?;
                }
                Ok(())
            });
            s.supervisor("sup", "keeps it").add(feed.restart(again).expect_every(EVERY)).start()?;
            lines.wait_for("ERROR", 1);
            assert!(lines.of("ERROR")[0].contains("path=/app/sup/feed"), "{:?}", lines.all());
            Ok(s.stop())
        });
        i32::from(exit.code())
    });
}

#[test]
fn he5_a_pause_before_a_run_is_none_of_the_threads_time() {
    // catches: a thread that is called stuck because it pauses after a failure
    child_passes(|_| {
        let lines = Lines::of_process();
        let exit = Registry::new("app").health(quick()).run(|s| {
            // The first restart is made at once.
            let policy = Restart::on_failure().backoff(EVERY * 2, EVERY * 2);
            let feed = s.thread("feed", "reads from a peer").expect_every(EVERY).restart(policy);
            let feed =
                feed.spawn(|cx| if cx.run_number() < 3 { Err("the line is dead")? } else { Ok(()) })?;
            feed.join()?;
            Ok(assert_eq!(lines.of("ERROR"), Vec::<String>::new()))
        });
        i32::from(exit.code())
    });
}

#[test]
fn he5_the_beginning_of_a_wait_is_a_sign_of_progress() {
    // catches: a thread that computes, waits, and computes, each for less than it has said
    child_passes(|_| {
        let lines = Lines::of_process();
        let exit = Registry::new("app").health(quick()).run(|s| {
            let part = EVERY * 3 / 4;
            let (open, shut) = gate();
            let joined =
                s.spawn("joined", "is waited for", move |cx| Ok(cx.waiting("a test", || pass(&shut))))?;
            let worker = s.thread("worker", "computes and waits").expect_every(EVERY);
            let worker = worker.spawn(move |cx| {
                sleep_outside(part);
                cx.waiting("a foreign call", || sleep_outside(part));
                sleep_outside(part);
                let joined = joined.join_timeout(part).expect_err("it is not home");
                sleep_outside(part);
                homebound::scope(|s| {
                    s.spawn("inner", "takes its time", move |cx| Ok(drop(cx.sleep(part))))?;
                    Ok(())
                })?;
                sleep_outside(part);
                drop(open);
                Ok(joined.join()?)
            })?;
            worker.join()?;
            Ok(assert_eq!(lines.all(), Vec::<String>::new()))
        });
        i32::from(exit.code())
    });
}

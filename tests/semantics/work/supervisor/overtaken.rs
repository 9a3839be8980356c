//! SV9: requests that another request, a stop or the end of the supervisor overtakes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use super::*;
use homebound::work::{Child, ChildError};

#[test]
fn sv9_an_add_that_is_overtaken_says_so() {
    // catches: an `Ok` for a child that never was ready, because another caller has put it down
    in_scope(|s| {
        let sup = s.supervisor("group", "keeps what comes").start()?;
        for round in ["remove", "stop"] {
            let adder = sup.clone();
            let added = s.spawn("adder", "adds", move |_| {
                let child = Child::new("a", "is never ready", |cx| Ok(drop(cx.wait_for_stop())));
                Ok(adder.add(child.ready_within(NEVER)))
            })?;
            eventually("it starts", || state_of(&sup, "a") == Some(ChildState::Starting));
            if round == "remove" {
                sup.remove("a")?
            } else {
                sup.stop_child("a")?
            }
            let added = added.join()?;
            assert!(matches!(added, Err(ChildError::Start(_))), "{added:?}");
        }
        Ok(())
    });
}

#[test]
fn sv9_the_last_word_about_a_child_counts() {
    // catches: a restart that a stop has overtaken and that says it was made; a removed child that
    // is brought back before it is home
    in_scope(|s| {
        let (open, closed) = gate();
        let sup = s.supervisor("group", "keeps two");
        let slow = move |cx: &Context| {
            cx.wait_for_stop();
            pass(&closed);
            Ok(())
        };
        let sup = sup.child("a", "is slow to hear", slow.clone()).child("b", "too", slow).start()?;
        let ask = |name: &'static str, ask: fn(&Supervisor<'_>) -> std::result::Result<(), ChildError>| {
            let sup = sup.clone();
            s.spawn(name, "asks", move |_| Ok(ask(&sup)))
        };
        let restarted = ask("restarts a", |sup| sup.restart("a"))?;
        eventually("a was told", || state_of(&sup, "a") == Some(ChildState::Stopping));
        let stopped = ask("stops a", |sup| sup.stop_child("a"))?;
        let removed = ask("removes b", |sup| sup.remove("b"))?;
        eventually("b was told", || state_of(&sup, "b") == Some(ChildState::Stopping));
        // Answered in their order, so the requests above have been heard.
        assert!(matches!(sup.restart("b"), Err(ChildError::Unknown)));
        let down = ask("stops b", |sup| sup.stop_child("b"))?;
        drop(open);
        let (restarted, stopped) = (restarted.join()?, stopped.join()?);
        assert!(
            matches!(restarted, Err(ChildError::Start(_))) && stopped.is_ok(),
            "{restarted:?} {stopped:?}"
        );
        removed.join()??;
        let _it_was_down_or_is_unknown = down.join()?;
        assert_eq!((state_of(&sup, "a"), state_of(&sup, "b")), (Some(ChildState::Stopped), None));
        Ok(())
    });
}

#[test]
fn sv9_a_child_that_never_restarts_does_so_on_purpose() {
    // catches: a restart that ends the child, because a sibling's would
    in_scope(|s| {
        let sup = s.supervisor("group", "keeps two").strategy(homebound::Strategy::OneForAll);
        let sup = sup.add(Child::new("a", "waits", until_stopped).never());
        let sup = sup.child("b", "waits", until_stopped).start()?;
        sup.restart("a")?;
        assert_eq!((state_of(&sup, "a"), sup.children()[0].run), (Some(ChildState::Running), 2));
        Ok(())
    });
}

#[test]
fn sv9_an_add_that_the_end_of_the_supervisor_overtakes_is_no_success() {
    // catches: an `Ok` for a child that never ran
    for _ in 0..100 {
        in_scope(|s| {
            let sup = s.supervisor("group", "keeps what comes").start()?;
            let (adder, ran) = (sup.clone(), Arc::new(AtomicBool::new(false)));
            let runs = Arc::clone(&ran);
            let added = s.spawn("adder", "adds", move |_| {
                Ok(adder.add(Child::new("a", "waits", move |cx| {
                    runs.store(true, Ordering::SeqCst);
                    Ok(drop(cx.wait_for_stop()))
                })))
            })?;
            sup.stop();
            let (added, _over) = (added.join()?, sup.join());
            assert!(added.is_err() || ran.load(Ordering::SeqCst), "{added:?}");
            Ok(())
        });
    }
}

#[test]
fn sv9_a_failure_that_the_caller_of_add_has_not_waited_for_is_told() {
    // catches: a failure that goes with an answer that nobody takes (P4)
    within(|| {
        let (open, closed) = gate();
        let error = homebound::scope(|s| {
            let sup = s.supervisor("group", "keeps what comes").start()?;
            let soon = std::time::Instant::now() + Duration::from_millis(20);
            let child = Child::new("a", "fails late", move |_| {
                pass(&closed);
                Err(boom("no luck"))
            });
            let added = s.context().with_deadline(soon, |_| sup.add(child.ready_within(NEVER)));
            assert!(matches!(added, Err(ChildError::Stopped(_))), "{added:?}");
            drop(open);
            s.context().wait_for_stop();
            Ok(())
        })
        .unwrap_err();
        assert!(error.failures().len() == 1 && error.to_string().contains("no luck"), "{error}");
    });
}

/// Says that its drop has begun, and waits there until the other end of the channel is gone.
struct Slow(mpsc::Receiver<()>, Arc<AtomicBool>);

impl Drop for Slow {
    fn drop(&mut self) {
        self.1.store(true, Ordering::SeqCst);
        let _closed = self.0.recv();
    }
}

#[test]
fn sv9_a_run_that_ends_after_the_supervisor_was_stopped_is_not_restarted() {
    // catches: an end that is decided before a request which came earlier
    within(|| {
        let runs = AtomicU64::new(0);
        let error = homebound::scope(|s| {
            let ((open, closed), (fail, told)) = (mpsc::channel(), gate());
            let dropping = Arc::new(AtomicBool::new(false));
            let slow = std::sync::Mutex::new(Slow(closed, Arc::clone(&dropping)));
            let sup = s.supervisor("group", "keeps two").restart(at_once());
            let sup = sup.child("slow", "has a capture whose drop blocks", move |cx| {
                let _held = &slow;
                until_stopped(cx)
            });
            let runs = &runs;
            let sup = sup.child("feed", "fails", move |_| {
                runs.fetch_add(1, Ordering::SeqCst);
                pass(&told);
                Err(boom("no answer"))
            });
            let sup = sup.start()?;
            sup.stop_child("slow")?;
            // The supervisor has taken its requests, and serves this one until the drop is over.
            let remover = sup.clone();
            s.spawn("remover", "removes", move |_| Ok(drop(remover.remove("slow"))))?;
            eventually("the supervisor is busy", || dropping.load(Ordering::SeqCst));
            sup.stop();
            drop(fail);
            eventually("the run has failed", || {
                let all = all_threads(&s.snapshot());
                all.iter().any(|row| row.name == "feed" && row.last_failure.is_some())
            });
            // The thread that failed has some instructions left until the end is posted.
            (0..1_000).for_each(|_| std::thread::yield_now());
            drop(open);
            let _its_failure_stops_this_scope = sup.join();
            Ok(())
        })
        .unwrap_err();
        assert_eq!(runs.load(Ordering::SeqCst), 1, "it was restarted after the stop");
        assert_eq!(error.failures().len(), 1, "{error}");
    });
}

#[test]
fn sv9_children_of_a_supervisor_that_is_over_have_ended() {
    // catches: a list that says `Running` for ever
    within(|| {
        let kept = OnceLock::new();
        homebound::scope(|s| {
            let sup = s.context().supervisor("group", "keeps one").child("a", "waits", until_stopped);
            kept.set(sup.start()?).unwrap();
            Ok(())
        })
        .unwrap();
        let sup: &Supervisor<'static> = kept.get().unwrap();
        assert_eq!(state_of(sup, "a"), Some(ChildState::Ended));
        for asked in [sup.restart("a"), sup.remove("a"), sup.add(Child::new("b", "is late", until_stopped))] {
            assert!(matches!(asked, Err(ChildError::Stopped(_))), "{asked:?}");
        }
    });
}

//! RE1, RE9: the word of a service, its value, and waits that would be for ever.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::{Arc, Mutex};

use homebound::{Handle, JoinError, Result, Role, ThreadState, ThreadStatus, scope};

use super::status;
use crate::common::*;

#[test]
fn re1_the_value_arrives_and_the_service_goes_on() {
    // catches: a start that returns at the end of the service, or without its value
    within(|| {
        let (lender, pages) = (Lender::new(), vec!["a", "b"]);
        scope(|s| {
            let loan = lender.lend();
            let (borrowed, web) = (&pages, s.thread("web", "serves pages"));
            let (web, first) = web.start(NEVER, move |cx, ready| {
                ready.set(borrowed[0]);
                cx.wait_for_stop();
                Ok(loan.touch())
            })?;
            assert_eq!((first, web.name(), web.is_finished()), ("a", "web", false));
            let row = status(s, "web").expect("it lives");
            assert_eq!((row.starting_for, row.role), (None, Role::Service));
            assert_ne!(row.state, ThreadState::Starting);
            Ok(())
        })
        .unwrap();
        lender.assert_unused();
    });
}

#[test]
fn re1_the_word_may_come_from_another_thread_and_from_a_context() {
    // catches: a `Ready` that is bound to the thread of the closure; a builder of a context that
    // has no `start`
    in_scope(|s| {
        let (_keeper, port) = s.thread("web", "serves pages").start(NEVER, |cx, ready| {
            let listener = cx.spawn("listener", "really listens", move |_| Ok(ready.set(8080)))?;
            listener.join()?;
            until_stopped(cx)
        })?;
        let cache = s.context().thread("cache", "drops old entries");
        let (_cache, size) = cache.start(NEVER, |cx, ready| {
            ready.set(16);
            until_stopped(cx)
        })?;
        Ok(assert_eq!((port, size), (8080, 16)))
    });
}

#[test]
fn re1_a_service_that_is_ready_and_over_has_started() {
    // catches: a value that is lost because the thread has ended when the starter looks
    in_scope(|s| {
        for number in 0..200 {
            let quick = s.thread("quick", "is ready, and over");
            let (quick, got) = quick.start(NEVER, move |_, ready| Ok(ready.set(number)))?;
            assert_eq!(got, number);
            assert!(quick.done().recv().is_err());
            quick.join()?;
        }
        Ok(())
    });
}

#[test]
fn re9_a_service_that_joins_its_starter_is_refused() {
    // catches: a starter that waits for its limit, because the service waits for the starter
    in_scope(|s| {
        let slot: Arc<Mutex<Option<Handle<'_, ()>>>> = Arc::default();
        let (mine, (open, gate)) = (slot.clone(), gate());
        let starter = s.spawn("starter", "starts a service", move |_| {
            pass(&gate);
            let web = s.thread("web", "joins its starter");
            let (_web, cycle) = web.start(NEVER, move |cx, ready| {
                let starter = mine.lock().unwrap().take().expect("given");
                let Err(JoinError::WouldDeadlock { cycle }) = starter.join() else { panic!("no cycle") };
                ready.set(cycle);
                until_stopped(cx)
            })?;
            assert!(cycle.iter().any(|path| path.ends_with("/starter")), "{cycle:?}");
            Ok(())
        })?;
        let done = starter.done().clone();
        *slot.lock().unwrap() = Some(starter);
        drop(open);
        Ok(assert!(done.recv().is_err()))
    });
}

#[test]
fn re9_what_a_service_waits_for_only_at_its_end_is_no_cycle() {
    // catches: a join that is refused although the service becomes ready before it
    in_scope(|s| {
        let slot: Arc<Mutex<Option<Handle<'_, u8>>>> = Arc::default();
        let (theirs, (open, gate)) = (slot.clone(), gate());
        let starter = s.spawn("starter", "starts a service", move |_| {
            pass(&gate);
            let web = s.thread("web", "becomes ready in a scope of its own");
            let (_web, value) = web.start(NEVER, move |cx, ready| {
                Ok(cx.subscope("inner", |inner| {
                    let starter = theirs.lock().unwrap().take().expect("given");
                    inner
                        .spawn("joiner", "joins the starter", move |_| Ok(assert_eq!(starter.join()?, 7)))?;
                    let waits = |row: &ThreadStatus| row.wait.is_some_and(|wait| wait.what == "join");
                    eventually("it joins", || inner.snapshot().root.threads.iter().any(waits));
                    Ok(ready.set(7))
                })?)
            })?;
            Ok(value)
        })?;
        let done = starter.done().clone();
        *slot.lock().unwrap() = Some(starter);
        drop(open);
        Ok(assert!(done.recv().is_err()))
    });
}

#[test]
fn re9_the_word_of_a_context_is_harmless_on_other_threads() {
    // catches: a word that makes a service ready without its value, or unsettles a plain thread
    in_scope(|s| {
        s.context().ready();
        let (_web, value) = s.thread("web", "says two words").start(NEVER, |cx, ready| {
            cx.ready();
            linger(5);
            ready.set("the value");
            cx.ready();
            until_stopped(cx)
        })?;
        assert_eq!(value, "the value");
        let plain = s.thread("plain", "says it unasked").isolated().spawn(|cx| -> Result {
            cx.ready();
            Err(boom("later"))
        })?;
        assert!(plain.join().is_err());
        Ok(assert!(!s.is_stopping()))
    });
}

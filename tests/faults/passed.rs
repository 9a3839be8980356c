//! Owns the panics of closures that are passed in and run at once, on the caller's thread.
//! Refuses closures that run later: they are in `drops`.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use homebound::{Context, Result, Scope, ThreadState, current, scope};

use crate::Ledger;
use crate::common::*;

/// A name whose conversion panics.
struct NoName;

impl From<NoName> for Cow<'static, str> {
    fn from(_: NoName) -> Self {
        panic!("no name");
    }
}

/// Panics, if `NEVER` is long.
fn falls() {
    assert!(NEVER.is_zero(), "inside");
}

type Call = fn(&Context);

/// Each call of a context that runs something of the caller's.
const CALLS: [(&str, Call); 12] = [
    ("shield", |cx| cx.shield(NEVER, |_| panic!("inside"))),
    ("with_deadline", |cx| cx.with_deadline(Instant::now() + NEVER, |_| panic!("inside"))),
    ("an armed deadline", |cx| {
        cx.with_deadline(Instant::now() + NEVER, |cx| {
            assert!(!disconnected(cx.stop_signal()));
            panic!("inside")
        });
    }),
    ("waiting", |cx| cx.waiting("for a panic", || panic!("inside"))),
    ("with_on_stop", |cx| cx.with_on_stop(|| (), || panic!("inside"))),
    ("ticks", |cx| cx.ticks(std::time::Duration::from_nanos(1)).for_each(|_| falls())),
    ("iter", |cx| {
        let (send, receive) = crossbeam_channel::bounded(1);
        send.send(()).expect("there is room");
        cx.iter(&receive).for_each(|()| falls());
    }),
    ("drain", |cx| {
        let (send, receive) = crossbeam_channel::bounded(1);
        send.send(()).expect("there is room");
        cx.drain(&receive).for_each(|()| falls());
    }),
    ("a scope", |_| drop(scope(|_| -> Result { panic!("inside") }))),
    ("nested ones", |cx| {
        cx.shield(NEVER, |cx| {
            let deadline = Instant::now() + NEVER;
            cx.with_deadline(deadline, |cx| {
                cx.waiting("below", || drop(scope(|_| -> Result { panic!("inside") })))
            })
        });
    }),
    ("a name", |cx| drop(cx.spawn(NoName, "has no name", |_| Ok(())))),
    ("a purpose", |cx| drop(cx.group("group").and_then(|group| group.service("name", NoName, |_| Ok(()))))),
];

/// After a panic that the caller caught itself, everything is as before the call.
fn as_before(cx: &Context, which: &str) {
    let here = current().expect("it runs in a scope");
    assert_eq!(here.path(), cx.path(), "{which}: another context is current");
    assert!(!here.is_stopping() && here.deadline().is_none(), "{which}: a deadline or stop has stayed");
    assert!(here.checkpoint().is_ok() && !disconnected(here.stop_signal()), "{which}");
    let two = here.spawn("another", "still works", |_| Ok(2)).expect("admitted");
    assert_eq!(two.join().expect("it ends"), 2, "{which}");
}

#[test]
fn a_panic_in_a_closure_that_runs_at_once_leaves_the_thread_as_it_was() {
    // catches: a wait that is shown for ever, a deadline that stays, a context that is not left
    child_passes(|_| {
        let ledger = Ledger::open();
        let lender = Lender::new();
        let result = scope(|s| {
            s.spawn("slow", "uses its loan", lingering(&lender))?;
            for (which, call) in CALLS {
                let caller = s.spawn("caller", "catches it", move |cx| {
                    drop(panics(|| call(cx)));
                    Ok(as_before(cx, which))
                })?;
                caller.join()?;
                drop(panics(|| call(s.context())));
                as_before(s.context(), which);
            }
            let body = s.snapshot().root.threads.into_iter().find(|t| t.role == homebound::Role::Body);
            assert!(matches!(body.expect("it is listed").state, ThreadState::Running));
            s.stop();
            Ok(())
        });
        ledger.all_are_home();
        lender.assert_unused();
        assert_eq!(ledger.heard(), 2 * CALLS.len());
        i32::from(result.is_err())
    });
}

#[test]
fn a_panic_in_a_closure_that_runs_at_once_is_the_threads_failure_when_nobody_catches_it() {
    // catches: a panic that a shield, a deadline or a subscope keeps for itself
    child_passes(|_| {
        let ledger = Ledger::open();
        for (which, call) in CALLS {
            let result = scope(|s| {
                s.spawn("caller", "does not catch it", move |cx| Ok(call(cx)))?;
                Ok(())
            });
            ledger.all_are_home();
            let error = result.expect_err(which);
            assert_eq!(error.failures().len(), 1, "{which}: {error}");
            assert_eq!(error.failures()[0].name(), "caller", "{which}");
        }
        0
    });
}

#[test]
fn a_panic_in_a_subscope_or_between_groups_brings_home_what_is_in_them() {
    // catches: groups that a panicking body leaves behind; a subscope that unwinds before its
    // threads are home
    child_passes(|_| {
        let ledger = Ledger::open();
        let lender = Arc::new(Lender::new());
        let falls = |s: &Scope<'_, 'static>| -> Result {
            let group = s.group("owned")?;
            let (one, two) = (lender.clone(), lender.clone());
            group.service("serves", "uses its loan", move |cx| lingering(&one)(cx))?;
            std::mem::forget(
                s.group("forgotten")?.spawn("works", "does too", move |cx| lingering(&two)(cx))?,
            );
            s.subscope("below", |below| {
                let below_all = lender.clone();
                below.spawn("deep", "and so does it", move |cx| lingering(&below_all)(cx))?;
                assert!(below.is_stopping(), "falls here");
                Ok(())
            })?;
            Ok(drop(group))
        };
        let payload = panics(|| scope(falls));
        assert_eq!(text(&*payload), "falls here");
        ledger.all_are_home();
        lender.assert_unused();
        0
    });
}

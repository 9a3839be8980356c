//! Owns the panics of a `tracing` subscriber: in each of its methods, at each call that a run
//! makes.
//! Refuses to know which events there are: it counts the calls of a run without faults, and lets
//! each of them panic.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use homebound::registry::Registry;
use homebound::{JoinError, Result, Scope, scope};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

use crate::Ledger;
use crate::common::*;

/// Panics at its `nth` call, of whichever method; with 0 never, with `usize::MAX` always.
#[derive(Clone)]
struct Faulty {
    nth: usize,
    calls: Arc<AtomicUsize>,
    fell_in: Arc<Mutex<Vec<String>>>,
}

impl Faulty {
    fn new(nth: usize) -> Self {
        Faulty { nth, calls: Arc::default(), fell_in: Arc::default() }
    }

    fn called(&self, method: &str) {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if call == self.nth || self.nth == usize::MAX {
            let place = format!("{method}, call {call}");
            self.fell_in.lock().expect("not poisoned").push(place.clone());
            panic!("{place}");
        }
    }
}

impl Subscriber for Faulty {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let ours = metadata.target().starts_with("homebound");
        if ours {
            self.called("enabled");
        }
        ours
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        self.called("new_span");
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {
        self.called("record");
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {
        self.called("record_follows_from");
    }

    fn event(&self, _: &Event<'_>) {
        self.called("event");
    }

    fn enter(&self, _: &Id) {
        self.called("enter");
    }

    fn exit(&self, _: &Id) {
        self.called("exit");
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.called("clone_span");
        id.clone()
    }

    fn try_close(&self, _: Id) -> bool {
        self.called("try_close");
        true
    }
}

type Work = fn(&Scope<'_, 'static>, &Arc<Lender>) -> Result;

/// Everything that is told of: threads that end, fail and panic, a scope below, a callback, a
/// deferred function, a stop.
fn busy(s: &Scope<'_, 'static>, lender: &Arc<Lender>) -> Result {
    let kept = lender.clone();
    s.spawn("slow", "uses its loan", move |cx| lingering(&kept)(cx))?;
    s.thread("panics", "panics").isolated().spawn(|_| -> Result { panic!("of its own") })?;
    s.subscope("below", |below| Ok(drop(below.spawn("short", "ends", |_| Ok(()))?)))?;
    std::mem::forget(s.context().on_stop(|| panic!("of a callback")));
    s.defer("deferred", || Err(boom("of a deferred")));
    s.spawn("fails", "fails", |_| -> Result { Err(boom("of its own")) })?;
    s.context().wait_for_stop();
    Ok(())
}

/// The same, with a spawn that the system would refuse.
fn with_a_refusal(s: &Scope<'_, 'static>, lender: &Arc<Lender>) -> Result {
    let huge = s.thread("huge", "is refused").stack_size(usize::MAX / 2).spawn(|_| Ok(()));
    assert!(huge.is_err());
    busy(s, lender)
}

/// The same, with a spawn that the stop refuses.
fn with_a_late_one(s: &Scope<'_, 'static>, lender: &Arc<Lender>) -> Result {
    s.subscope("stopped", |stopped| {
        stopped.stop();
        Ok(assert!(stopped.spawn("late", "is refused", |_| Ok(())).is_err()))
    })?;
    busy(s, lender)
}

/// The same, with a thread whose result is wanted.
fn with_a_result(s: &Scope<'_, 'static>, lender: &Arc<Lender>) -> Result {
    let five = s.spawn("five", "returns a value", |_| Ok(5))?.join();
    // It may have failed by the subscriber, before it began: then it has not been stopped.
    assert!(matches!(five, Ok(5) | Err(JoinError::Failed(_))), "{five:?}");
    busy(s, lender)
}

/// Each of these is a failure, whatever the subscriber does.
const FAILURES: [&str; 3] = ["of its own", "of a callback", "of a deferred"];

/// Runs it once with a subscriber that panics at its `nth` call; how many calls there were, or what
/// went wrong.
fn run_with(nth: usize, registry: bool, work: Work) -> Result<usize> {
    let ledger = Ledger::quiet();
    let lender = Arc::new(Lender::new());
    let faulty = Faulty::new(nth);
    let (calls, fell_in) = (faulty.calls.clone(), faulty.fell_in.clone());
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        tracing::subscriber::with_default(faulty, || match registry {
            true => Registry::new("run").grace(LIMIT).run(|s| work(s, &lender)).into_result(),
            false => scope(|s| work(s, &lender)),
        })
    }));
    ledger.all_are_home();
    lender.assert_unused();
    let place = fell_in.lock().expect("not poisoned").join(", ");
    let result =
        ended.map_err(|payload| format!("{place}: came through to the caller: {}", text(&*payload)))?;
    let all = result.expect_err("threads failed").to_string();
    // A thread may have failed by the subscriber before its closure began: then that is told
    // instead.
    let missing = FAILURES.iter().find(|failure| !all.contains(**failure) && !all.contains(", call "));
    match missing {
        Some(missing) => Err(format!("{place}: {missing:?} is missing in {all}").into()),
        None => Ok(calls.load(Ordering::SeqCst)),
    }
}

fn at_each_call(which: &str) -> i32 {
    let (registry, work): (bool, Work) = match which {
        "run" => (true, busy),
        "refused by the system" => (false, with_a_refusal),
        "refused by the stop" => (false, with_a_late_one),
        "joined" => (false, with_a_result),
        _ => (false, busy),
    };
    // The calls of several threads come in any order, and some of them may or may not come: a few
    // more are tried.
    let calls = run_with(0, registry, work).expect("no fault");
    let places = (1..=calls + 4).chain([usize::MAX]);
    let wrong: Vec<_> = places.filter_map(|nth| run_with(nth, registry, work).err()).collect();
    wrong.iter().for_each(|wrong| eprintln!("{which}: {wrong}"));
    println!("{which}: {calls} calls");
    i32::from(!wrong.is_empty())
}

#[test]
fn a_subscriber_may_panic_at_any_call_under_a_scope() {
    // catches: an event or a span outside of any containment; a failure that is lost with its log
    // line
    child_passes_with("scope", at_each_call);
}

#[test]
fn a_subscriber_may_panic_at_any_call_under_run() {
    // catches: the same where *watch* and *stopper* tell of stops
    child_passes_with("run", at_each_call);
}

#[test]
fn a_subscriber_may_panic_when_a_spawn_is_refused_by_the_system() {
    // catches: the span of a thread that never was, dropped outside of any containment, before it
    // is counted out
    child_passes_with("refused by the system", at_each_call);
}

#[test]
fn a_subscriber_may_panic_when_a_spawn_is_refused_by_the_stop() {
    // catches: the same where the spawn is not admitted at all
    child_passes_with("refused by the stop", at_each_call);
}

#[test]
fn a_subscriber_may_panic_and_no_result_is_lost() {
    // catches: a result that is cleared because the line "ended" could not be logged
    child_passes_with("joined", at_each_call);
}

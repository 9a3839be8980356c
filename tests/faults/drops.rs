//! Owns the panics of what a program hands over: each `Drop`, each closure that runs later, each
//! error's own text.
//! Refuses panics of closures that run at once: those are in `passed`.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::panic::panic_any;
use std::sync::Arc;

use homebound::{Result, Scope, registry, scope};

use crate::Ledger;
use crate::common::*;

/// An error that panics in one of its methods.
struct Nasty(&'static str);

impl Nasty {
    fn falls_in(&self, method: &str) {
        assert!(self.0 != method, "nasty in {method}");
    }
}

impl fmt::Display for Nasty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.falls_in("display");
        f.write_str("nasty")
    }
}

impl fmt::Debug for Nasty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.falls_in("debug");
        f.write_str("Nasty")
    }
}

impl Error for Nasty {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.falls_in("source");
        None
    }
}

impl Drop for Nasty {
    fn drop(&mut self) {
        self.falls_in("drop");
    }
}

/// Makes it a capture: it is used, and not moved out.
trait Hold {
    fn hold(&self) {}
}

impl Hold for Bomb {}

type Fault = for<'scope> fn(&Scope<'scope, 'static>) -> Result;

/// What panics, and how many failures the scope must list.
const FAULTS: [(&str, usize, Fault); 15] = [
    ("a result that nobody takes", 1, |s| Ok(drop(s.spawn("bomber", "returns it", |_| Ok(Bomb::chain(3)))?))),
    ("a result whose handle waits for settle", 1, |s| {
        std::mem::forget(s.spawn("bomber", "returns it", |_| Ok(Bomb::chain(3)))?);
        Ok(())
    }),
    ("a capture", 1, |s| {
        let bomb = Bomb::chain(3);
        Ok(drop(s.spawn("bomber", "holds it", move |_| Ok(bomb.hold()))?))
    }),
    ("a capture of a service", 1, |s| {
        let bomb = Bomb::chain(3);
        let wait = move |cx: &homebound::Context| until_stopped(cx).inspect_err(|_| bomb.hold());
        s.service("bomber", "holds it", wait).map(drop).map_err(Into::into)
    }),
    ("a payload", 1, |s| {
        s.spawn("bomber", "raises it", |_| -> Result { panic_any(Bomb::chain(3)) })?;
        Ok(())
    }),
    ("a deferred function", 1, |s| Ok(s.defer("bomber", || panic!("deferred")))),
    ("a capture of a deferred function", 1, |s| {
        let bomb = Bomb::chain(3);
        Ok(s.defer("bomber", move || Ok(bomb.hold())))
    }),
    ("a payload of a deferred function", 1, |s| Ok(s.defer("bomber", || panic_any(Bomb::chain(3))))),
    ("a callback", 1, |s| {
        std::mem::forget(s.context().on_stop(|| panic!("callback")));
        Ok(s.stop())
    }),
    ("a callback's payload", 1, |s| {
        std::mem::forget(s.context().on_stop(|| panic_any(Bomb::chain(3))));
        Ok(s.stop())
    }),
    ("a capture of a callback that never runs", 1, |s| {
        let bomb = Bomb::chain(3);
        Ok(drop(s.context().on_stop(move || bomb.hold())))
    }),
    ("the display of an error", 1, |s| fails(s, "display")),
    ("the debug of an error", 1, |s| fails(s, "debug")),
    ("the source of an error", 1, |s| fails(s, "source")),
    ("the drop of an error", 1, |s| fails(s, "drop")),
];

fn fails(s: &Scope<'_, 'static>, method: &'static str) -> Result {
    s.spawn("bomber", "fails with it", move |_| -> Result { Err(Nasty(method).into()) })?;
    Ok(())
}

fn one(which: &str) -> i32 {
    let ledger = Ledger::open();
    let (_, listed, fault) = FAULTS.iter().find(|(name, _, _)| *name == which).expect("a known one");
    let lender = Arc::new(Lender::new());
    let result = scope(|s| {
        let kept = lender.clone();
        s.spawn("slow", "uses its loan", move |cx| lingering(&kept)(cx))?;
        fault(s)?;
        let ended = || s.active_threads().iter().all(|thread| thread.name != "bomber");
        if *which != *"a capture of a service" {
            eventually("the bomber is home", ended);
        }
        s.stop();
        Ok(())
    });
    ledger.all_are_home();
    lender.assert_unused();
    let error = result.expect_err("it is a failure");
    assert_eq!(error.failures().len(), *listed, "{which}");
    drop_quietly(error);
    assert!(
        which.contains("source")
            || which.contains("display")
            || which.contains("debug")
            || ledger.heard() > 0
    );
    0
}

#[test]
fn e4_whatever_panics_later_the_scope_returns_and_lists_it() {
    // catches: an end that unwinds, a thread that is lost, a panic that nobody is told of
    for (which, _, _) in FAULTS {
        child_passes_with(which, one);
    }
}

#[test]
fn e4_under_run_the_same_faults_leave_nothing_behind() {
    // catches: a registry that cannot run again after a fault; internal threads or handlers that
    // stay
    child_passes(|_| {
        let ledger = Ledger::open();
        for (which, listed, fault) in FAULTS {
            let exit = registry::run(|s| {
                fault(s)?;
                eventually("the bomber is home", || {
                    s.active_threads().iter().all(|t| t.role == homebound::Role::Service)
                });
                s.stop();
                Ok(())
            });
            ledger.all_are_home();
            assert_eq!((exit.code(), exit.shutdown.timeout, exit.shutdown.orphaned), (1, 0, 0), "{which}");
            let error = exit.into_result().expect_err("it is a failure");
            assert_eq!(error.failures().len(), listed, "{which}");
            drop_quietly(error);
        }
        0
    });
}

#[test]
fn e4_the_value_of_a_body_is_dropped_when_its_scope_failed() {
    // catches: an exit that unwinds, because a value that nobody gets panics when it is dropped
    child_passes(|_| {
        let ledger = Ledger::open();
        let result = scope(|s| {
            fails(s, "nowhere")?;
            Ok(Bomb::chain(3))
        });
        ledger.all_are_home();
        assert!(ledger.heard() > 0, "the hook is told of what nobody lists");
        drop_quietly(result.map(drop).expect_err("a thread failed"));
        0
    });
}

struct Falls;

impl Drop for Falls {
    fn drop(&mut self) {
        panic!("in a thread-local's destructor");
    }
}

thread_local!(static LAST: Cell<Option<Falls>> = const { Cell::new(None) });

/// What std ends the process for: nobody can contain it.
fn beyond(which: &str) -> i32 {
    let result = match which {
        "the panic hook" => {
            std::panic::set_hook(Box::new(|_| panic!("in the hook")));
            scope(|s| {
                s.spawn("falls", "panics", |_| -> Result { panic!("plain") })?.join().map_err(Into::into)
            })
        }
        _ => scope(|s| {
            s.spawn("falls", "leaves a thread-local", |_| Ok(LAST.set(Some(Falls))))?;
            Ok(())
        }),
    };
    say(&format!("came back: {result:?}"));
    3
}

#[test]
fn a_panic_of_the_hook_and_of_a_thread_local_destructor_end_the_process() {
    // catches: documentation that promises more than std allows: both abort, with std's words on
    // stderr
    for (which, words) in [
        ("the panic hook", "thread panicked while processing panic"),
        ("a thread-local", "thread local panicked on drop"),
    ] {
        let done = in_child(which, beyond);
        assert_eq!(done.signal, Some(libc::SIGABRT), "{which}: {done:#?}");
        assert!(done.err.contains(words) && !done.out.contains("came back"), "{which}: {done:#?}");
    }
}

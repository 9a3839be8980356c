//! Random trees of scopes and threads, on real threads: what must hold in all of them. And what
//! they found. `PROPTEST_CASES=100000 cargo test --test tools properties` looks longer.

use std::fmt;
use std::panic::{set_hook, take_hook};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use crate::common::{boom, eventually, gate, linger, pass, within, within_for};
use homebound::{BoxError, Result, scope};
use homebound_testing::{LIMIT, Tree, trees};
use proptest::prelude::*;

/// Most of them wait: a tree with work takes up to a tenth of a second.
const CASES: u32 = 500;

fn config() -> ProptestConfig {
    let told = std::env::var_os("PROPTEST_CASES").is_some();
    let default = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if told { default } else { ProptestConfig { cases: CASES, ..default } }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_tree_keeps_the_promises(tree in trees()) {
        quietly();
        judge(tree)?;
    }

    #[test]
    fn any_bytes_are_a_tree(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let tree = Tree::from_bytes(&bytes);
        prop_assert!(tree.len() <= bytes.len().div_ceil(4));
        let whole = tree.to_string().ends_with("println!(\"{result:?}\");\n");
        prop_assert!(whole);
    }
}

/// A run has a limit of its own, and then names the missing threads. This limit is for the rest.
pub(crate) fn judge(tree: Tree) -> Result<(), TestCaseError> {
    let observed = within_for(LIMIT + Duration::from_secs(20), move || tree.run());
    match observed.check() {
        Err(wrong) => {
            let events = observed.events.iter().enumerate();
            let events = events.map(|(place, event)| format!("{place} {}: {:?}\n", event.node, event.what));
            Err(TestCaseError::fail(format!("{wrong}\n{}", events.collect::<String>())))
        }
        _ => Ok(()),
    }
}

/// The panics of trees are meant: they would bury what a failing test has to say.
pub(crate) fn quietly() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let earlier = take_hook();
        set_hook(Box::new(move |info| {
            if !info.payload_as_str().is_some_and(|text| text.starts_with("step ")) {
                earlier(info);
            }
        }));
    });
}

// What was found by them.

#[test]
fn a_callback_whose_guard_is_leaked_is_over_when_its_scope_returns() {
    within(|| {
        let (begun, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let mut stopping = None;
        let result = scope(|s| {
            let (begins, ends) = (Arc::clone(&begun), Arc::clone(&over));
            std::mem::forget(s.context().on_stop(move || {
                begins.store(true, Ordering::SeqCst);
                linger(50);
                ends.store(true, Ordering::SeqCst);
                panic!("step 0 panics");
            }));
            let stopper = s.stopper();
            stopping = Some(std::thread::spawn(move || stopper.stop()));
            eventually("the callback runs", || begun.load(Ordering::SeqCst));
            Ok(())
        });
        let over = over.load(Ordering::SeqCst);
        stopping.map(std::thread::JoinHandle::join);
        assert!(over, "the scope returned while its callback ran");
        assert_eq!(result.unwrap_err().failures().len(), 1, "the callback's panic is not lost");
    });
}

#[test]
fn a_thread_that_ends_during_a_report_is_counted_once() {
    within(|| {
        let start = Instant::now();
        // Each round waits for a processor, which takes long on a busy machine.
        let has_time = |round: &i32| *round < 200 || start.elapsed() < Duration::from_secs(20);
        for _ in (0..5_000).take_while(has_time) {
            let result = scope(|s| {
                s.spawn("brief", "ends about now", |_| Ok(()))?;
                let report = s.shutdown(Duration::ZERO);
                assert!(report.total <= 1, "one thread, and a total of {}: {report}", report.total);
                Ok(())
            });
            assert!(result.is_ok());
        }
    });
}

/// An error that does not show what it holds.
#[derive(Debug)]
struct Hidden(#[allow(dead_code)] BoxError);

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hidden")
    }
}

impl std::error::Error for Hidden {}

#[test]
fn a_hidden_error_loses_no_failure() {
    within(|| {
        let result: Result<(), _> = scope(|s| {
            let (open, gate) = gate();
            let known = s.spawn("known", "fails in the outer scope", move |_| -> Result {
                pass(&gate);
                Err(boom("the known one"))
            })?;
            let inner = s.subscope("inner", |inner| {
                let fresh =
                    inner.spawn("fresh", "fails in the inner one", |_| -> Result { Err(boom("fresh")) })?;
                let _ = fresh.join();
                drop(open);
                Ok(known.join()?)
            });
            inner.map_err(|error| Box::new(Hidden(error.into())).into())
        });
        let failures: Vec<_> = result.unwrap_err().failures().iter().map(|f| f.path().to_owned()).collect();
        assert_eq!(failures.len(), 2, "the failure of `fresh` is in none of {failures:?}");
    });
}

//! Owns the question what depth costs: scopes in scopes and errors in errors, thousands deep, on
//! threads with small stacks.
//! Refuses to ask how long it takes: that is in the suites of the semantics.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::error::Error;
use std::fmt;

use crate::common::{child_passes, until_stopped};
use homebound::work::{Restart, RetryError};
use homebound::{BoxError, Failure, Group, JoinError, Result, Scope, ScopeError, ScopeStatus, scope};

const LEVELS: usize = 5_000;
/// Less than any program gives a thread that does anything; a level may not even cost two bytes of
/// it.
const STACK: usize = 64 * 1024;

/// An overflow takes the process with it: so in a child.
fn on_a_small_stack(body: fn()) {
    let small = std::thread::Builder::new().stack_size(STACK).spawn(body);
    small.expect("starts").join().unwrap();
}

fn nested<'s>(top: &'s Scope<'s, '_>) -> Result<Vec<Group<'s>>> {
    let mut groups = vec![top.group("level")?];
    while groups.len() < LEVELS {
        let next = groups[groups.len() - 1].group("level")?;
        groups.push(next);
    }
    Ok(groups)
}

fn count(scope: &ScopeStatus) -> usize {
    1 + scope.scopes.iter().map(count).sum::<usize>()
}

#[test]
fn a_snapshot_of_deep_groups_is_read_shown_copied_and_dropped() {
    // catches: data as deep as the tree, which overflows the stack of a thread that reads, prints,
    // copies, or drops it; a path for each level that is as long as the level is deep
    child_passes(|_| {
        on_a_small_stack(|| {
            let result = scope(|s| {
                let groups = nested(s)?;
                groups[LEVELS - 1].spawn("deepest", "waits at the bottom", until_stopped)?;
                let snapshot = s.snapshot();
                assert_eq!(count(&snapshot.root), LEVELS + 1);
                let text = snapshot.to_string();
                assert!(
                    text.contains("\nhomebound: 1 thread in 5,001 scopes: ")
                        && text.contains("─ deepest  (worker")
                );
                assert!(s.dump_status().len() < 8 << 20, "its size grows with the square of the depth");
                let copy = snapshot.clone();
                let debug = (format!("{copy:?}").len(), format!("{snapshot:#?}").len());
                assert!(debug.0 > LEVELS && debug.1 > LEVELS);
                #[cfg(feature = "serde")]
                assert!(
                    serde_json::from_str::<serde_json::Value>(&serde_json::to_string(&snapshot)?).is_ok()
                );
                drop((snapshot, copy));
                groups[0].stop();
                let stopped = s.snapshot();
                assert!(stopped.to_string().contains("stopping: requested at"));
                assert!(
                    format!("{stopped:?}").len() < 16 << 20 && format!("{stopped:#?}").contains("Requested")
                );
                drop(stopped);
                // On a busy machine the texts above may have taken all of the grace.
                let report = groups[0].shutdown(crate::common::NEVER);
                Ok(assert_eq!(report.total, 1, "{report} {report:?}"))
            });
            result.unwrap();
        });
        0
    });
}

/// An error of a program's that hides what it holds, and shows it in its text.
struct Wrapped(BoxError);

impl fmt::Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wrapped: {}", self.0)
    }
}

impl fmt::Debug for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wrapped({:?})", self.0)
    }
}

impl Error for Wrapped {}

struct Cause;

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cause: {self}")
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the disk is full")
    }
}

impl Error for Cause {}

fn through_a_scope(error: BoxError) -> BoxError {
    scope(|_| Err::<(), _>(error)).unwrap_err().into()
}

fn through_a_wrapper(error: BoxError) -> BoxError {
    Box::new(Wrapped(through_a_scope(error)))
}

/// As in a loop that hands on the error of one call to the next.
fn through_a_retry(error: BoxError) -> BoxError {
    let (mut error, policy) = (Some(error), Restart::on_failure().give_up_after(1));
    let tried = scope(|s| {
        let mut call = || error.take().unwrap_or_else(|| "it is tried once".into());
        Ok(s.context().retry(&policy, |_| Err::<(), _>(call())).unwrap_err())
    });
    tried.unwrap().into()
}

fn chain(link: fn(BoxError) -> BoxError) -> BoxError {
    (0..LEVELS).fold(Box::new(Cause), |error, _| link(error))
}

/// What a reader sees of it: not all, but how it began, if the error shows what it holds.
fn look_at(error: &dyn Error, shows: bool) {
    for text in [error.to_string(), format!("{error:?}"), format!("{error:#?}")] {
        assert!(text.len() < 64 * 1024, "{} bytes", text.len());
        let says = text.contains("errors deeper") || text.contains("errors_deeper");
        assert!(!shows || (says && text.contains("the disk is full")), "{text}");
    }
}

#[test]
fn a_long_chain_of_scope_errors_is_shown_searched_and_dropped() {
    // catches: a text, a search or a drop that recurs from each error to the one inside it
    child_passes(|_| {
        on_a_small_stack(|| {
            let error = chain(through_a_scope);
            look_at(&*error, true);
            let error = *error.downcast::<ScopeError>().expect("the outermost is a scope's");
            let failure = error.first().expect("it is there").clone();
            assert!(failure.downcast_ref::<Cause>().is_some(), "the cause is at the bottom");
            look_at(&failure, true);
            drop(failure);
            let _cause: Cause = error.downcast().expect("it is nobody else's");
            drop(chain(through_a_scope));
            let mut wrapped = chain(through_a_wrapper);
            look_at(&*wrapped, false);
            wrapped = through_a_scope(wrapped);
            drop(wrapped);
        });
        0
    });
}

#[test]
fn a_long_chain_of_joins_is_shown_searched_and_dropped() {
    // catches: the same, from join to join
    child_passes(|_| {
        let result = scope(|s| {
            let first = s.thread("first", "fails").isolated().spawn(|_| Err::<(), _>(Cause.into()))?;
            let mut error = first.join().expect_err("it failed");
            for _ in 1..LEVELS {
                let next =
                    s.thread("next", "passes it on").isolated().spawn(move |_| Err::<(), _>(error.into()))?;
                error = next.join().expect_err("it failed");
            }
            let JoinError::Failed(failure) = error else { panic!("{error}") };
            Ok(failure)
        });
        let failure: Failure = result.unwrap();
        std::thread::scope(|threads| {
            let small = std::thread::Builder::new().stack_size(STACK).spawn_scoped(threads, || {
                look_at(&failure, true);
                assert!(failure.downcast_ref::<Cause>().is_some(), "the cause is at the bottom");
                drop(failure);
            });
            small.expect("starts").join().unwrap();
        });
        0
    });
}

#[test]
fn a_long_chain_of_retries_is_shown_searched_and_dropped() {
    // catches: an error that grows with each call of a loop, and takes as much stack as it is deep
    child_passes(|_| {
        on_a_small_stack(|| {
            let error = chain(through_a_retry);
            let text = error.to_string();
            assert!(text.starts_with("gave up after 1 try: gave up") && text.len() < 1024, "{text}");
            assert!(text.ends_with("the disk is full"), "{text}");
            let mut inner: &(dyn Error + 'static) = &*error;
            while let Some(next) = inner.source() {
                inner = next;
            }
            assert!(inner.is::<Cause>(), "the cause is at the bottom");
            drop(error);
        });
        0
    });
}

/// Of a program's own making: deeper than a stack. Only the library may drop it, because the drop
/// of a box in a box recurs.
fn own_retries(cause: BoxError) -> BoxError {
    (0..100_000).fold(cause, |last, _| RetryError::GaveUp { tries: 2, last }.into())
}

#[test]
fn retries_that_a_program_has_nested_are_shown_searched_and_dropped() {
    // catches: a Debug that recurs; a drop of an error, kept or judged, that leaves the chain to
    // the compiler's drop; a search that looks behind one retry only
    child_passes(|_| {
        on_a_small_stack(|| {
            let own = own_retries(Cause.into());
            assert!(own.to_string().ends_with("gave up after 2 tries: the disk is full"));
            assert!(format!("{own:?}{own:#?}").contains("errors_deeper: 99983"), "16 of them are shown");
            let error: ScopeError = scope(|_| Err::<(), _>(own)).unwrap_err();
            assert!(error.first().is_some_and(|failure| failure.downcast_ref::<Cause>().is_some()));
            assert!(format!("{error} {error:?} {:?}", error.first()).contains("gave up after 2 tries"));
            let error = error.downcast::<fmt::Error>().expect_err("there is none");
            let _cause: Cause = error.downcast().expect("it is at the bottom");
            drop(scope(|_| Err::<(), _>(own_retries(Cause.into()))));
            let stopped = scope(|s| {
                s.stop();
                let stop = s.context().checkpoint().expect_err("it was stopped");
                // Too deep to be found along the sources, so it is dropped to be judged.
                Err::<(), _>(own_retries(stop.into()))
            });
            assert!(stopped.unwrap_err().stop_reason().is_some());
        });
        0
    });
}

//! Owns the classes of an error that a closure returned: a stop, a failure that is listed already,
//! or a new failure.
//! Refuses to trust `source()` alone, because many wrappers hide their source. If an error shows
//! nothing, and a token of homebound's is alive that it may hold, the error is dropped, and the
//! drop of the token tells.

use std::collections::hash_map::DefaultHasher;
use std::error::Error;
use std::fmt::{self, Write};
use std::hash::Hasher;
use std::mem::{align_of, align_of_val};
use std::sync::Arc;

use crate::outcome::errors::chain::{chain, text};
use crate::outcome::errors::error::{SpawnError, WaitError};
use crate::outcome::errors::failure::{Failure, JoinError, ScopeError};
use crate::outcome::errors::gave_up::GaveUp;
use crate::outcome::errors::race_error::RaceError;
use crate::outcome::errors::retried::put_away;
use crate::outcome::errors::start_error::StartError;
use crate::outcome::marks::{self, Carries, Mark};
use crate::outcome::reason::Stop;
use crate::outcome::stopped::Stopped;
use crate::rt::contain::{contain, discard};
use crate::rt::result::BoxError;
use crate::stop::node::Node;
use crate::tree::core::ScopeCore;

/// The class of an error.
pub(crate) enum ErrorClass {
    /// The closure was stopped by this stop, so it has not failed.
    Stopped(Stop),
    /// The error carries only failures that are listed already. This is the first of them.
    Listed(Failure),
    /// A new failure, with the ids of the failures that it carries.
    Failure(BoxError, Vec<u64>),
}

/// Finds the class of the error that a closure returned. `node` is the closure's own node. The
/// closure has *stopped* if its error carries a `Stopped` of the very stop that has come to that
/// node, or is on its way there, whichever node issued the `Stopped` (A4). `core` is the scope that
/// lists the failure.
pub(crate) fn classify(error: BoxError, node: &Arc<Node>, core: &ScopeCore) -> ErrorClass {
    let (class, over) = match first_of_ours(&*error) {
        FirstOfOurs::Stop(stop) if node.is_stopped_by(stop.id) => {
            (ErrorClass::Stopped(stop_of(node, stop)), error)
        }
        FirstOfOurs::Failures(ids) => match all_listed(&ids, core) {
            Some(failure) => (ErrorClass::Listed(failure), error),
            None => return ErrorClass::Failure(error, ids),
        },
        // The error shows nothing of ours. Only its drop can tell, which costs its type.
        FirstOfOurs::Nothing if may_hide(&error, node, core) => {
            return classify_by_dropping(error, node, core);
        }
        // The stop of another scope, or an error of the program's.
        FirstOfOurs::Stop(_) | FirstOfOurs::Other | FirstOfOurs::Nothing => {
            return ErrorClass::Failure(error, Vec::new());
        }
    };
    // The error is not kept: its `Drop` is the program's, so a panic in it is contained.
    discard(put_away(over));
    class
}

/// The error of homebound's that an error carries, as far as its chain of sources shows it. The
/// walk along its sources ends at the first error of homebound's, because the errors inside a
/// failure belong to that failure, not to this error.
enum FirstOfOurs {
    Stop(Stop),
    Failures(Vec<u64>),
    /// An error of ours that carries neither.
    Other,
    /// No error of ours.
    Nothing,
}

/// Walks along the sources, up to the first error of ours. Runs code of the program's.
fn first_of_ours(error: &(dyn Error + 'static)) -> FirstOfOurs {
    chain(error).find_map(ours).unwrap_or(FirstOfOurs::Nothing)
}

/// What an error of ours carries; `None` for an error that is not ours.
fn ours(error: &(dyn Error + 'static)) -> Option<FirstOfOurs> {
    if let Some(stopped) = error.downcast_ref::<Stopped>() {
        return Some(of_stop(Some(stopped)));
    }
    if let Some(wait) = error.downcast_ref::<WaitError>() {
        let WaitError::Stopped(stopped) = wait else { return Some(FirstOfOurs::Other) };
        return Some(of_stop(Some(stopped)));
    }
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return Some(FirstOfOurs::Failures(failure.ids().to_vec()));
    }
    if let Some(gave_up) = error.downcast_ref::<GaveUp>() {
        return Some(FirstOfOurs::Failures(gave_up.last.ids().to_vec()));
    }
    if let Some(scope) = error.downcast_ref::<ScopeError>() {
        // Without failures a `ScopeError` is the stop of its body.
        let ids: Vec<u64> = scope.failures().iter().flat_map(Failure::ids).copied().collect();
        return Some(if ids.is_empty() { of_stop(scope.stopped()) } else { FirstOfOurs::Failures(ids) });
    }
    if let Some(start) = error.downcast_ref::<StartError>() {
        return of_start(start);
    }
    if let Some(race) = error.downcast_ref::<RaceError>() {
        return of_race(race);
    }
    match (error.downcast_ref::<JoinError>(), error.downcast_ref::<SpawnError>()) {
        (Some(JoinError::Failed(failure)), _) => Some(FirstOfOurs::Failures(failure.ids().to_vec())),
        (Some(JoinError::Stopped(stopped)), _) | (_, Some(SpawnError::Stopped(stopped))) => {
            Some(of_stop(Some(stopped)))
        }
        (Some(JoinError::WouldDeadlock { .. } | JoinError::Dropped | JoinError::Expired), _)
        | (_, Some(SpawnError::InvalidName | SpawnError::InvalidPolicy { .. })) => Some(FirstOfOurs::Other),
        // An error of the OS, or of the program's, carries nothing of ours itself, so the walk goes
        // on to its source.
        (_, Some(SpawnError::Os(_))) | (None, None) => None,
    }
}

fn of_start(error: &StartError) -> Option<FirstOfOurs> {
    match error {
        StartError::Failed(failure) => Some(FirstOfOurs::Failures(failure.ids().to_vec())),
        StartError::Stopped(stopped) => Some(of_stop(Some(stopped))),
        // As the error itself.
        StartError::Spawn(error) => ours(error),
        StartError::NotReady | StartError::TimedOut { .. } => Some(FirstOfOurs::Other),
    }
}

fn of_race(error: &RaceError) -> Option<FirstOfOurs> {
    match error {
        RaceError::Stopped(stopped) => Some(of_stop(Some(stopped))),
        RaceError::Spawn(error) => ours(error),
        RaceError::Empty => Some(FirstOfOurs::Other),
        RaceError::TooFew { failures, .. } if failures.is_empty() => Some(FirstOfOurs::Other),
        RaceError::TooFew { failures, .. } => {
            Some(FirstOfOurs::Failures(failures.iter().flat_map(Failure::ids).copied().collect()))
        }
    }
}

fn of_stop(stopped: Option<&Stopped>) -> FirstOfOurs {
    stopped.and_then(Stopped::cause).map_or(FirstOfOurs::Other, |stop| FirstOfOurs::Stop(stop.clone()))
}

/// Returns true if `error` says that a wait ended because of a stop: it is a [`Stopped`], or its
/// sources show one, inside of an [`std::io::Error`] as well. `is_stop` does not say which scope
/// was stopped. The error of a thread that failed is no stop, whatever made the thread fail.
///
/// A wrapper that hides its source hides the stop too. The error that a closure returns is judged
/// more thoroughly.
///
/// ```
/// # fn main() -> Result<(), homebound::ScopeError> {
/// homebound::scope(|scope| {
///     scope.stop();
///     let error: homebound::BoxError = scope.context().checkpoint().unwrap_err().into();
///     assert!(homebound::is_stop(&*error));
///     Ok(())
/// })
/// # }
/// ```
pub fn is_stop(error: &(dyn Error + 'static)) -> bool {
    matches!(first_of_ours(error), FirstOfOurs::Stop(_))
}

/// True if the error shows that a closure was stopped by the stop that has come to `node`, or is on
/// its way there.
pub(crate) fn shows_stop_of(error: &(dyn Error + 'static), node: &Node) -> bool {
    matches!(first_of_ours(error), FirstOfOurs::Stop(stop) if node.is_stopped_by(stop.id))
}

/// The stop as the closure's own node has it. If the stop is still on its way there, as its proof
/// has it.
fn stop_of(node: &Node, proved: Stop) -> Stop {
    if node.is_marked() { node.cause() } else { proved }
}

/// The first of these failures, if all of them are listed in the scope.
fn all_listed(ids: &[u64], core: &ScopeCore) -> Option<Failure> {
    let known: Option<Vec<Failure>> = ids.iter().map(|id| core.known(*id)).collect();
    known?.into_iter().next()
}

/// True if the error must be dropped to be classified. Then a token is alive that would make the
/// error a stop of `node`, issued on this thread or for this very node, or that would make it a
/// listed failure; and the error does not show that it holds none.
fn may_hide(error: &BoxError, node: &Node, core: &ScopeCore) -> bool {
    let hides_stop = || {
        let mut made = marks::made_here().into_iter();
        // Asked first, because most errors come from threads that were not stopped.
        node.hears_of_a_stop() && (node.has_issued() || made.any(|mark| is_stop_of(node, &mark)))
    };
    (core.has_carried_failures() || hides_stop()) && !holds_none(error)
}

/// True if the mark is of a stop that `node` has, or will have.
fn is_stop_of(node: &Node, mark: &Mark) -> bool {
    matches!(&mark.carries, Carries::Stop(stop) if node.is_stopped_by(stop.id))
}

/// Drops the error, and judges by the tokens that are dropped with it. The type of the error is
/// lost, its text is kept.
fn classify_by_dropping(error: BoxError, node: &Arc<Node>, core: &ScopeCore) -> ErrorClass {
    // The text first, because the drop takes it.
    let kept = Kept { text: text(&*error) };
    let carried = marks::dropped_in(|| discard(put_away(error)));
    let mut ids = Vec::new();
    for mark in &carried {
        match &mark.carries {
            Carries::Stop(stop) if node.is_stopped_by(stop.id) => {
                return ErrorClass::Stopped(stop_of(node, stop.clone()));
            }
            // The stop of another scope does not make this closure a stopped one.
            Carries::Stop(_) => {}
            Carries::Failures(carried) => ids.extend(carried),
        }
    }
    match all_listed(&ids, core) {
        Some(failure) => ErrorClass::Listed(failure),
        None => ErrorClass::Failure(Box::new(kept), ids),
    }
}

/// The text of an error that had to be dropped.
#[derive(Debug)]
struct Kept {
    text: String,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Kept {}

/// True if the error and all its sources show that they hold no token, so that its type can be
/// kept. A derived `Debug` around an error that hides its content, and is no source, is believed.
fn holds_none(error: &BoxError) -> bool {
    chain(&**error).all(shows_none)
}

/// True if the error has no room for a pointer. True as well if it prints its fields, as a derived
/// `Debug` does, and no token prints itself among them. An error that prints its fields looks
/// different in the long form (`{:#?}`), by which it is recognised.
fn shows_none(error: &(dyn Error + 'static)) -> bool {
    if align_of_val(error) < align_of::<usize>() {
        return true;
    }
    let mut forms = None;
    let shows_ours = marks::is_shown_in(|| {
        forms = Digest::of(format_args!("{error:?}")).zip(Digest::of(format_args!("{error:#?}")))
    });
    !shows_ours && forms.is_some_and(|(short, long)| short != long)
}

/// Number of bytes of a text that are read to compare it with another.
const MOST_READ: usize = 64 * 1024;

/// Hash of a text that is only compared, and never kept: an error may print a lot.
#[derive(Default)]
struct Digest {
    hasher: DefaultHasher,
    length: usize,
}

impl Digest {
    /// The hash of `text`. `None` if it is too long, or if the formatting fails or panics.
    fn of(text: fmt::Arguments<'_>) -> Option<u64> {
        let mut digest = Digest::default();
        match contain(|| digest.write_fmt(text)) {
            Ok(written) => written.ok().map(|()| digest.hasher.finish()),
            Err(payload) => {
                discard(payload);
                None
            }
        }
    }
}

impl Write for Digest {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        self.length += part.len();
        self.hasher.write(part.as_bytes());
        // An error ends the formatting, which might never end by itself.
        if self.length > MOST_READ { Err(fmt::Error) } else { Ok(()) }
    }
}

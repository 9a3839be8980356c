//! Owns the judgement of an error: whether it is a stop, a failure that is listed already, or a new one.
//! Refuses to trust `source()` alone, since many wrappers hide what they hold: where it shows nothing, and one of homebound's
//! tokens is alive that the error may hold, the error is dropped, and the token's own drop tells.

use std::collections::hash_map::DefaultHasher;
use std::error::Error;
use std::fmt::{self, Write};
use std::hash::Hasher;
use std::mem::{align_of, align_of_val};
use std::sync::Arc;

use crate::outcome::chain::{chain, text};
use crate::outcome::error::{SpawnError, WaitError};
use crate::outcome::failure::{Failure, JoinError, ScopeError};
use crate::outcome::marks::{self, Carries, Mark};
use crate::outcome::reason::Stop;
use crate::outcome::stopped::Stopped;
use crate::rt::contain::{contain, discard, drop_contained};
use crate::rt::result::BoxError;
use crate::stop::node::Node;
use crate::tree::core::ScopeCore;

/// What an `Err` is.
pub(crate) enum Verdict {
    /// "I was stopped", for this stop: never a failure.
    Stopped(Stop),
    /// Nothing but failures that are listed already, this one first.
    Listed(Failure),
    /// A failure, with the ids of those that it carries.
    Failure(BoxError, Vec<u64>),
}

/// Judges what a closure returned. `node` is its own: it has *stopped* if its error carries a `Stopped` of the very stop that has
/// come to that node, or is on its way there, whoever made it. `core` is the scope that lists its failure.
pub(crate) fn judge(error: BoxError, node: &Arc<Node>, core: &ScopeCore) -> Verdict {
    let (verdict, over) = match shown(&*error) {
        Shown::Stop(stop) if node.is_stopped_by(stop.id) => (Verdict::Stopped(stop_of(node, stop)), error),
        Shown::Failures(ids) => match all_listed(&ids, core) {
            Some(failure) => (Verdict::Listed(failure), error),
            None => return Verdict::Failure(error, ids),
        },
        Shown::Nothing if may_hide(&error, node, core) => return judge_by_dropping(error, node, core),
        Shown::Stop(_) | Shown::Other | Shown::Nothing => return Verdict::Failure(error, Vec::new()),
    };
    discard(drop_contained(over));
    verdict
}

/// What an error shows that it carries: where the walk along what it holds comes to one of homebound's own, it ends there. What a
/// failure holds is that failure's, and not the error's.
enum Shown {
    Stop(Stop),
    Failures(Vec<u64>),
    /// One of ours that carries neither.
    Other,
    /// None of ours.
    Nothing,
}

fn shown(error: &(dyn Error + 'static)) -> Shown {
    chain(error).find_map(ours).unwrap_or(Shown::Nothing)
}

fn ours(error: &(dyn Error + 'static)) -> Option<Shown> {
    if let Some(stopped) = error.downcast_ref::<Stopped>() {
        return Some(of_stop(Some(stopped)));
    }
    if let Some(wait) = error.downcast_ref::<WaitError>() {
        let WaitError::Stopped(stopped) = wait else { return Some(Shown::Other) };
        return Some(of_stop(Some(stopped)));
    }
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return Some(Shown::Failures(failure.ids().to_vec()));
    }
    if let Some(scope) = error.downcast_ref::<ScopeError>() {
        let ids: Vec<u64> = scope.failures().iter().flat_map(Failure::ids).copied().collect();
        return Some(if ids.is_empty() { of_stop(scope.stopped()) } else { Shown::Failures(ids) });
    }
    match (error.downcast_ref::<JoinError>(), error.downcast_ref::<SpawnError>()) {
        (Some(JoinError::Failed(failure)), _) => Some(Shown::Failures(failure.ids().to_vec())),
        (Some(JoinError::Stopped(stopped)), _) | (_, Some(SpawnError::Stopped(stopped))) => {
            Some(of_stop(Some(stopped)))
        }
        (Some(JoinError::WouldDeadlock { .. }), _) | (_, Some(SpawnError::InvalidName)) => Some(Shown::Other),
        // What the system refused may be told by an error of the program's.
        (_, Some(SpawnError::Os(_))) | (None, None) => None,
    }
}

fn of_stop(stopped: Option<&Stopped>) -> Shown {
    stopped.and_then(Stopped::cause).map_or(Shown::Other, |stop| Shown::Stop(stop.clone()))
}

/// True if `error` says that a wait ended for a stop: it is, or shows by its sources that it holds, a [`Stopped`], also in an
/// [`std::io::Error`]. It does not say whose stop it was: an error of a thread that failed is none, whatever made it fail.
///
/// A wrapper that hides its source hides the stop as well. What a closure returns is judged more thoroughly.
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
    matches!(shown(error), Shown::Stop(_))
}

/// The stop as the closure's own node has it; where that is still on its way, as the proof of it has.
fn stop_of(node: &Node, proved: Stop) -> Stop {
    if node.is_marked() { node.cause() } else { proved }
}

/// The first of these failures, if all of them are listed in that scope.
fn all_listed(ids: &[u64], core: &ScopeCore) -> Option<Failure> {
    let known: Option<Vec<Failure>> = ids.iter().map(|id| core.known(*id)).collect();
    known?.into_iter().next()
}

/// True if the error must be dropped to be judged: a token is alive that would make a stop of it, made on this thread, or for this
/// very node on another, or a listed failure; and the error does not show that it holds none.
fn may_hide(error: &BoxError, node: &Node, core: &ScopeCore) -> bool {
    let hides_stop = || {
        let mut made = marks::made_here().into_iter();
        // Most errors are those of a thread that nobody has stopped.
        node.hears_of_a_stop() && (node.has_issued() || made.any(|mark| is_stop_of(node, &mark)))
    };
    (core.has_carried_failures() || hides_stop()) && !holds_none(error)
}

fn is_stop_of(node: &Node, mark: &Mark) -> bool {
    matches!(&mark.carries, Carries::Stop(stop) if node.is_stopped_by(stop.id))
}

/// Drops the error. What it carried says so; its type is lost, its text is not.
fn judge_by_dropping(error: BoxError, node: &Arc<Node>, core: &ScopeCore) -> Verdict {
    let kept = Kept { text: text(&*error) };
    let carried = marks::dropped_in(|| discard(drop_contained(error)));
    let mut ids = Vec::new();
    for mark in &carried {
        match &mark.carries {
            Carries::Stop(stop) if node.is_stopped_by(stop.id) => {
                return Verdict::Stopped(stop_of(node, stop.clone()));
            }
            Carries::Stop(_) => {}
            Carries::Failures(carried) => ids.extend(carried),
        }
    }
    match all_listed(&ids, core) {
        Some(failure) => Verdict::Listed(failure),
        None => Verdict::Failure(Box::new(kept), ids),
    }
}

/// The text of an error that had to be dropped to learn what it carried.
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

/// True if the error, and each error that it shows it holds, shows that it holds no token, so that its type can be kept. A derived
/// `Debug` around an error that hides what it holds, and is no source, is taken for one that shows all.
fn holds_none(error: &BoxError) -> bool {
    chain(&**error).all(shows_none)
}

/// True if the error has no room for a pointer; or it prints its fields, as a derived `Debug` does, and nothing that holds a token
/// among them. One that prints them looks different when it is asked for the long form.
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

/// So much of a text is read to compare it with another.
const MOST_READ: usize = 64 * 1024;

/// What is kept of a text that is only compared.
#[derive(Default)]
struct Digest {
    hasher: DefaultHasher,
    length: usize,
}

impl Digest {
    /// `None` where the text is too long, or its making fails or panics.
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
        if self.length > MOST_READ { Err(fmt::Error) } else { Ok(()) }
    }
}

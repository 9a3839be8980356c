//! Owns failures, kept whole: errors with their types, panics with message, place and payload; and
//! the error of a scope.
//! Refuses to list failures, and to print them: scopes do the one, `report_text` the other.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::iter;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{self, AtomicU64};
use std::time::Instant;

use crate::outcome::marks::{Carries, Mark, Token};
use crate::outcome::reason::StopReason;
use crate::outcome::report::shutdown::ShutdownReport;
use crate::outcome::status::id::ThreadId;
use crate::outcome::stopped::Stopped;
use crate::rt::awake;
use crate::rt::contain::{Payload, message};
use crate::rt::result::BoxError;
use crate::sync::locks::Mutex;

mod inside;
mod joined;

pub(crate) use inside::DEEPEST;
pub use joined::JoinError;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// Number of failures inside its error that a failure knows by id. In a chain of errors each
/// failure carries all that are inside it, so without a bound the ids would take room by the square
/// of the chain's length.
const MOST_CARRIED: usize = 128;

/// An error or a panic of a thread, a body, a deferred function or a callback. Clones are the same
/// failure.
///
/// ```
/// let error = homebound::scope_named("app", |scope| {
///     scope.spawn("parser", "parses the settings", |_| Ok("12x".parse::<u8>()?))?;
///     Ok(())
/// })
/// .unwrap_err();
/// let failure = error.first().expect("one failure");
/// assert_eq!((failure.path(), failure.purpose()), ("/app/parser", "parses the settings"));
/// ```
#[derive(Clone)]
pub struct Failure {
    parts: Arc<FailureParts>,
    /// Some in a failure that left through an error. The drop of the token tells that the error
    /// held this failure, so that it is not listed twice.
    _token: Option<Token>,
}

struct FailureParts {
    /// Carries the id of this failure, and behind it the ids of the failures that its error
    /// carries.
    mark: Arc<Mark>,
    /// When it happened, in time awake.
    at: Instant,
    origin: Origin,
    what: What,
}

/// When something happened that is a failure, or may turn out to be one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Happened {
    /// The id of the failure to be. Ids grow in the order in which failures happen.
    id: u64,
    /// In time awake.
    at: Instant,
}

impl Happened {
    pub(crate) fn now() -> Happened {
        // Relaxed, because the counter orders no other data.
        Happened { id: NEXT_ID.fetch_add(1, atomic::Ordering::Relaxed), at: awake::now() }
    }
}

/// The thread, body, deferred function or callback that failed.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// `None` for a deferred function, and for the closing of a group, because they are no threads.
    pub(crate) id: Option<ThreadId>,
    pub(crate) path: String,
    pub(crate) name: Cow<'static, str>,
    pub(crate) purpose: Cow<'static, str>,
    pub(crate) spawned_from: &'static Location<'static>,
    pub(crate) notes: Vec<String>,
}

enum What {
    /// `None` once `ScopeError::downcast` has taken the error out.
    Error(Option<BoxError>),
    Panic {
        message: String,
        location: Option<String>,
        /// `None` once `take_payload` has taken it out.
        payload: Mutex<Option<Payload>>,
    },
}

/// Why a thread failed: an error, or a panic.
///
/// ```
/// use homebound::Cause;
///
/// let error = homebound::scope(|scope| {
///     scope.spawn("worker", "panics", |_| -> homebound::Result { panic!("out of paper") })?;
///     Ok(())
/// })
/// .unwrap_err();
/// match error.first().expect("one failure").cause() {
///     Cause::Panic { message, .. } => assert_eq!(message, "out of paper"),
///     other => unreachable!("{other:?}"),
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause<'a> {
    /// The closure returned this error.
    Error(&'a (dyn Error + Send + Sync + 'static)),
    /// The closure, or something that it left to be dropped, panicked.
    Panic {
        /// The text of the panic.
        message: &'a str,
        /// File, line and column of the panic. `None` if homebound's panic hook did not see it.
        location: Option<&'a str>,
    },
}

impl Failure {
    pub(crate) fn error(origin: Origin, error: BoxError, carried: Vec<u64>) -> Failure {
        Failure::error_at(Happened::now(), origin, error, carried)
    }

    /// A failure by an error that was returned at an earlier time, before it was judged.
    pub(crate) fn error_at(
        happened: Happened,
        origin: Origin,
        error: BoxError,
        carried: Vec<u64>,
    ) -> Failure {
        Failure::new(happened, origin, What::Error(Some(error)), carried)
    }

    pub(crate) fn panic(origin: Origin, payload: Payload, location: Option<String>) -> Failure {
        // Copied, because `take_payload` may take the payload away from the text.
        let message = message(&payload).to_owned();
        let payload = Mutex::new(Some(payload));
        Failure::new(Happened::now(), origin, What::Panic { message, location, payload }, Vec::new())
    }

    fn new(happened: Happened, origin: Origin, what: What, carried: Vec<u64>) -> Failure {
        let Happened { id, at } = happened;
        let ids = iter::once(id).chain(carried.into_iter().take(MOST_CARRIED));
        let mark = Mark::new(Carries::Failures(ids.collect()));
        let parts = FailureParts { mark, at, origin, what };
        Failure { parts: Arc::new(parts), _token: None }
    }

    /// The same failure with a token, to go into an error that the calling thread may return.
    pub(crate) fn marked(&self) -> Failure {
        let token = Token::of(Arc::clone(&self.parts.mark));
        Failure { parts: Arc::clone(&self.parts), _token: Some(token) }
    }

    pub(crate) fn at(&self) -> Instant {
        self.parts.at
    }

    /// The id. A failure that happened later has a greater id.
    pub(crate) fn id(&self) -> u64 {
        self.ids().first().copied().unwrap_or_default()
    }

    /// The id of this failure, and the ids of the failures that its error carries.
    pub(crate) fn ids(&self) -> &[u64] {
        match &self.parts.mark.carries {
            Carries::Failures(ids) => ids,
            Carries::Stop(_) => &[],
        }
    }

    /// True while an error holds this failure, on any thread.
    pub(crate) fn is_carried(&self) -> bool {
        self.parts.mark.is_carried()
    }

    /// The path of the thread; for a body, the path of its scope.
    pub fn path(&self) -> &str {
        &self.parts.origin.path
    }

    /// The name of the thread; for a body, the name of its scope.
    pub fn name(&self) -> &str {
        &self.parts.origin.name
    }

    /// The thread's id, which tells threads of one name apart. `None` where it was no thread: a
    /// deferred function, the closing of a group.
    pub fn thread_id(&self) -> Option<ThreadId> {
        self.parts.origin.id
    }

    /// The purpose of the thread.
    pub fn purpose(&self) -> &str {
        &self.parts.origin.purpose
    }

    /// The line that spawned the thread.
    pub fn spawned_from(&self) -> &'static Location<'static> {
        self.parts.origin.spawned_from
    }

    /// The notes of the thread when it failed: see [`Context::note`](crate::Context::note).
    pub fn notes(&self) -> &[String] {
        &self.parts.origin.notes
    }

    /// What happened.
    pub fn cause(&self) -> Cause<'_> {
        match &self.parts.what {
            What::Error(Some(error)) => Cause::Error(&**error),
            What::Error(None) => Cause::Error(&Taken),
            What::Panic { message, location, .. } => Cause::Panic { message, location: location.as_deref() },
        }
    }

    /// The payload of a panic, for the first caller.
    ///
    /// ```
    /// use std::panic::panic_any;
    ///
    /// let error = homebound::scope(|scope| {
    ///     scope.spawn("worker", "panics", |_| -> homebound::Result { panic_any(7_u8) })?;
    ///     Ok(())
    /// })
    /// .unwrap_err();
    /// let payload = error.first().unwrap().take_payload().expect("taken once");
    /// assert_eq!(payload.downcast_ref::<u8>(), Some(&7));
    /// ```
    pub fn take_payload(&self) -> Option<Box<dyn Any + Send>> {
        match &self.parts.what {
            What::Panic { payload, .. } => payload.lock().take(),
            What::Error(_) => None,
        }
    }
}

impl Error for Failure {
    /// The error that the closure returned; `None` for a panic.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self.cause() {
            Cause::Error(error) => Some(error),
            Cause::Panic { .. } => None,
        }
    }
}

/// The error of a failure whose own error was taken out.
#[derive(Debug)]
struct Taken;

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the error has been taken out")
    }
}

impl Error for Taken {}

/// Why a scope has no value to return: what failed, in the order in which it happened; or nothing
/// failed, and it was stopped. `Display` and `Debug` print the tree.
///
/// ```
/// let error = homebound::scope_named("app", |scope| {
///     scope.spawn("parser", "parses the settings", |_| Ok("12x".parse::<u8>()?))?;
///     scope.context().wait_for_stop(); // the failure stops the scope
///     Ok(())
/// })
/// .unwrap_err();
/// assert_eq!(error.failures().len(), 1);
/// println!("{error}"); // the tree of failures
/// ```
pub struct ScopeError(Box<ScopeErrorParts>);

pub(crate) struct ScopeErrorParts {
    pub(crate) path: String,
    pub(crate) failures: Vec<Failure>,
    /// Index of the first failure that happened after the scope was asked to stop.
    pub(crate) first_during_stop: usize,
    /// Number of failures that were counted and not kept.
    pub(crate) omitted: usize,
    /// Some if the body ended as stopped, and nothing failed (S4).
    pub(crate) stopped: Option<Stopped>,
    pub(crate) report: ShutdownReport,
}

impl ScopeError {
    /// Makes the error on the thread that gets it. Each failure gets a token, by which it is found
    /// if the thread returns this error in another one.
    pub(crate) fn new(mut parts: ScopeErrorParts) -> ScopeError {
        parts.failures = parts.failures.iter().map(Failure::marked).collect();
        ScopeError(Box::new(parts))
    }

    /// The error of one failure that no scope has listed.
    pub(crate) fn of_one(failure: Failure, report: ShutdownReport) -> ScopeError {
        ScopeError::new(ScopeErrorParts {
            path: failure.path().to_owned(),
            failures: vec![failure],
            first_during_stop: 1,
            omitted: 0,
            stopped: None,
            report,
        })
    }

    pub(crate) fn path(&self) -> &str {
        &self.0.path
    }

    /// The first failure: in most cases the cause of the others.
    ///
    /// ```
    /// let error = homebound::scope(|_| -> homebound::Result { Err("no file")? }).unwrap_err();
    /// assert!(error.first().unwrap().to_string().ends_with("no file"));
    /// ```
    pub fn first(&self) -> Option<&Failure> {
        self.0.failures.first()
    }

    /// All failures, in the order in which they happened; at most 1024, see
    /// [`omitted`](Self::omitted).
    ///
    /// ```
    /// let error = homebound::scope(|scope| {
    ///     scope.thread("a", "fails").isolated().spawn(|_| -> homebound::Result { Err("one")? })?;
    ///     scope.thread("b", "fails").isolated().spawn(|_| -> homebound::Result { Err("two")? })?;
    ///     Ok(())
    /// })
    /// .unwrap_err();
    /// let mut names: Vec<_> = error.failures().iter().map(|failure| failure.name()).collect();
    /// names.sort();
    /// assert_eq!(names, ["a", "b"]);
    /// ```
    pub fn failures(&self) -> &[Failure] {
        &self.0.failures
    }

    /// The failures that happened after the scope had been asked to stop: the tail of
    /// [`failures`](Self::failures).
    pub fn during_stop(&self) -> &[Failure] {
        self.0.failures.get(self.0.first_during_stop..).unwrap_or_default()
    }

    /// The number of failures beyond the first 1024, which are counted and not kept.
    pub fn omitted(&self) -> usize {
        self.0.omitted
    }

    /// Some if the scope was stopped and nothing failed.
    ///
    /// ```
    /// let error = homebound::scope(|scope| {
    ///     scope.stopper().stop_because("time to go");
    ///     Ok(scope.context().checkpoint()?) // returns the stop
    /// })
    /// .unwrap_err();
    /// assert_eq!(error.stop_reason().unwrap().to_string(), "time to go");
    /// assert!(error.failures().is_empty());
    /// ```
    pub fn stop_reason(&self) -> Option<&StopReason> {
        self.0.stopped.as_ref().map(Stopped::reason)
    }

    pub(crate) fn stopped(&self) -> Option<&Stopped> {
        self.0.stopped.as_ref()
    }

    /// The first error of type `E`, by value; this error again if there is none, or if a clone of
    /// its [`Failure`] is held elsewhere.
    ///
    /// ```
    /// use std::num::ParseIntError;
    ///
    /// let error = homebound::scope(|_| Ok("12x".parse::<u8>()?)).unwrap_err();
    /// let why: ParseIntError = error.downcast().expect("the error of the body");
    /// assert_eq!(why.to_string(), "invalid digit found in string");
    /// ```
    ///
    /// # Errors
    /// `self`, unchanged.
    pub fn downcast<E: Error + 'static>(mut self) -> Result<E, Self> {
        let found = Failure::take(&mut self.0.failures);
        found.ok_or(self)
    }

    /// How the threads of the scope came home.
    ///
    /// ```
    /// let error = homebound::scope(|scope| {
    ///     scope.spawn("worker", "fails", |_| -> homebound::Result { Err("no such file")? })?;
    ///     Ok(())
    /// })
    /// .unwrap_err();
    /// assert_eq!(error.report().timeout, 0); // every thread came home
    /// ```
    pub fn report(&self) -> &ShutdownReport {
        &self.0.report
    }

    pub(crate) fn report_mut(&mut self) -> &mut ShutdownReport {
        &mut self.0.report
    }
}

impl Error for ScopeError {
    /// The failure, if there was exactly one; or the stop, if nothing failed.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match (self.failures(), self.stopped()) {
            ([only], _) if self.omitted() == 0 => Some(only),
            ([], Some(stopped)) => Some(stopped),
            _ => None,
        }
    }
}

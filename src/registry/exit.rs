//! Owns what a run leaves behind: result, report, exit code.
//! Refuses to end the process: `main` returns it.
//!
//! The code of a process that is ended by force is decided elsewhere: at the end of the grace and
//! at a second signal by `watch_thread`, for a stuck thread by `health::doom`, and by the word of
//! the kernel's timer (`sys::due`) if *watch* hangs.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::process::{ExitCode, Termination};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::outcome::errors::failure::{Failure, Origin, ScopeError};
use crate::outcome::reason::StopReason;
use crate::outcome::report::shutdown::ShutdownReport;
use crate::outcome::status::outside::ForeignThread;
use crate::rt::contain::{Payload, discard, drop_contained};
use crate::rt::result::{BoxError, Result};
use crate::scope::run::{Lived, report_before_unwinding};
use crate::shutdown::owned;
use crate::shutdown::reporting::report;
use crate::sys;
use crate::sys::last::End;
use crate::tree::core::ScopeCore;

/// sysexits(3): an internal error; the exit code when threads were overdue.
pub(crate) const OVERDUE_CODE: u8 = 70;
/// 128 + SIGINT, as a shell expects it.
const INTERRUPTED_CODE: u8 = 130;
const SIGINT: i32 = 2;
/// The longest time that `main` waits for stderr to take the failures.
const PATIENCE: Duration = Duration::from_secs(1);
/// What runs after `main` has this time at least, even if the threads needed the whole grace.
const AFTER_MAIN: Duration = Duration::from_secs(2);

/// What becomes of the process when threads are not home `kill_after` past the grace.
///
/// ```no_run
/// use homebound::registry::{Exit, OnOverdue, Registry};
///
/// fn main() -> Exit<()> {
///     // A core file shows where the late threads are.
///     Registry::new("daemon").on_overdue(OnOverdue::Abort).run(|scope| {
///         scope.context().wait_for_stop();
///         Ok(())
///     })
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnOverdue {
    /// Prints report and dump on stderr, then exits with this code. The default, with 70.
    Exit(u8),
    /// Waits for ever, and warns again and again.
    Wait,
    /// Prints report and dump on stderr, then aborts, for a core file.
    Abort,
}

/// How a run ended.
///
/// ```
/// use homebound::{Exit, run};
///
/// fn main() -> Exit<()> {
///     run(|scope| {
///         scope.spawn("work", "does the work", |_| Ok(()))?;
///         Ok(())
///     }) // failures go to stderr, and `code()` is the exit code
/// }
/// ```
#[must_use = "return it from main: it is the exit code"]
#[non_exhaustive]
pub struct Exit<T> {
    /// What `main` returned, or what failed.
    pub result: Result<T, ScopeError>,
    /// How the threads came home.
    pub shutdown: ShutdownReport,
    /// The failure tree as text, made while *watch* was there, because the `Display` of an error is
    /// the program's code.
    failures: Option<String>,
    /// When and how the process ends if `main` returns this and the process does not end by itself.
    /// Written at the end of the run. `None` if nothing may end the process by force.
    last_moment: Option<(Instant, End)>,
}

impl<T> Exit<T> {
    /// The same, for a run whose process has to end at `at` (P7).
    pub(crate) fn guarded(self, at: Option<Instant>, how: End) -> Exit<T> {
        Exit { last_moment: at.map(|at| (at, how)), ..self }
    }

    /// The exit of a run that was refused: the body was not run.
    pub(crate) fn of_refusal(error: ScopeError) -> Exit<T> {
        Exit { result: Err(error), shutdown: ShutdownReport::default(), failures: None, last_moment: None }
    }

    /// The result alone.
    ///
    /// ```
    /// let sum = homebound::run(|_| Ok(1 + 2)).into_result()?;
    /// assert_eq!(sum, 3);
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// The failures; or the stop, if `main` returned a stop.
    pub fn into_result(self) -> Result<T, ScopeError> {
        self.result
    }

    /// Returns 70 if threads were not home at the deadline, else 1 if something failed, else 130
    /// after SIGINT, else 0. A clean stop by SIGTERM or SIGHUP is a success (systemd counts 143 as
    /// a failure).
    ///
    /// ```
    /// let exit = homebound::run(|_| -> homebound::Result { Err("no such file")? });
    /// assert_eq!(exit.code(), 1);
    /// ```
    pub fn code(&self) -> u8 {
        let failed = self.result.as_ref().is_err_and(|error| error.stop_reason().is_none());
        let reason = self.shutdown.reason.as_ref().map(StopReason::root);
        // In this order (G3): a thread that was not home outweighs a failure, and a failure
        // outweighs the signal.
        if self.shutdown.timeout > 0 {
            OVERDUE_CODE
        } else if failed {
            1
        } else if reason == Some(&StopReason::Signal(SIGINT)) {
            INTERRUPTED_CODE
        } else {
            0
        }
    }
}

impl Termination for Exit<()> {
    /// Prints the failure tree on stderr, and the report if threads were overdue. If nothing reads
    /// stderr, this waits a second at most. The errors are not dropped, because the process ends.
    ///
    /// If std calls it, for a `main` that returns this, the rest is guarded as well: when `grace`
    /// and `kill_after` and two seconds are over, and the process is still there, because a
    /// function of `atexit`, a destructor of a thread-local of the main thread or the last bytes of
    /// stdout hang, the process ends as [`OnOverdue`] says (Linux).
    #[track_caller]
    fn report(self) -> ExitCode {
        let caller = Location::caller();
        if let Some((at, how)) = self.last_moment.filter(|_| is_std(caller)) {
            sys::guard_exit(at.max(Instant::now() + AFTER_MAIN), how);
        }
        let code = self.code();
        let mut text = match &self.result {
            Err(error) if error.stop_reason().is_none() => {
                self.failures.unwrap_or_else(|| format!("{error}\n"))
            }
            // A stop is no failure, so there is nothing to print.
            Ok(()) | Err(_) => String::new(),
        };
        if self.shutdown.timeout > 0 {
            text = format!("{text}{}\n", self.shutdown);
        }
        sys::write_stderr(text.as_bytes(), PATIENCE);
        // *watch* is gone, so a `Drop` of the program's that hangs would hang for ever.
        std::mem::forget(self.result);
        ExitCode::from(code)
    }
}

impl<T: fmt::Debug> fmt::Debug for Exit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exit").field("result", &self.result).field("shutdown", &self.shutdown).finish()
    }
}

/// True if `at` is a line of std's. A program that calls `report` itself may go on for ever after
/// that. If the place is hidden (`-Zlocation-detail`), it is none of std's.
fn is_std(at: &Location<'_>) -> bool {
    at.file().contains("library/std/src/")
}

/// The error of a run that was refused.
pub(crate) fn refused(name: Cow<'static, str>, at: &'static Location<'static>, why: BoxError) -> ScopeError {
    let path = format!("/{}", crate::tree::text::escape(&name));
    let origin =
        Origin { id: None, path, name, purpose: "registry".into(), spawned_from: at, notes: Vec::new() };
    let failure = Failure::error(origin, why, Vec::new());
    ScopeError::of_one(failure, ShutdownReport::default())
}

/// Returns the result, with the orphaned threads in its report; or the body's panic, to be resumed
/// when everything is put back. Runs code of the program's: the `Drop` of an unwanted value, the
/// `Display` of errors, the subscriber.
pub(crate) fn assemble<T>(
    core: &Arc<ScopeCore>,
    lived: Lived<T>,
    orphans: Vec<ForeignThread>,
    remember: &dyn Fn(&ShutdownReport),
) -> Result<Exit<T>, Payload> {
    let Lived { value, payload, verdict } = lived;
    let (verdict, shutdown) = complete(verdict.map(|()| report(core)), orphans);
    // Before anything of the program's runs below, which may hang or panic.
    remember(&shutdown);
    if let Some(payload) = payload {
        verdict.err().iter().for_each(|error| report_before_unwinding(core, error));
        return Err(payload);
    }
    let result = match (verdict, value) {
        (Ok(_), Some(value)) => Ok(value),
        (Err(error), value) => {
            // The failure counts, even if the body has returned a value.
            discard(drop_contained(value));
            Err(error)
        }
        (Ok(_), None) => sys::die("homebound: the root ended with neither value nor error"),
    };
    let failures =
        result.as_ref().err().filter(|error| error.stop_reason().is_none()).map(|error| format!("{error}\n"));
    Ok(Exit { result, shutdown, failures, last_moment: None })
}

/// Adds what only a registry knows to the report: the orphaned threads, and the owned groups.
fn complete(
    mut verdict: Result<ShutdownReport, ScopeError>,
    orphans: Vec<ForeignThread>,
) -> (Result<ShutdownReport, ScopeError>, ShutdownReport) {
    let report = match &mut verdict {
        Ok(report) => report,
        Err(error) => error.report_mut(),
    };
    // A row that says that the threads are not known stands for no thread, and a guest is no
    // orphan.
    report.orphaned = orphans.iter().filter(|row| row.unknown.is_none() && !row.guest).count();
    report.total += report.orphaned;
    report.foreign = orphans;
    report.owned = owned::alive();
    let shutdown = report.clone();
    (verdict, shutdown)
}

//! Owns what a run leaves behind: result, report, exit code.
//! Refuses to end the process: `main` returns it.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};
use std::panic::{Location, resume_unwind};
use std::process::{ExitCode, Termination};
use std::sync::Arc;

use crate::body::{Lived, report_before_unwinding};
use crate::failure::{Failure, Origin, ScopeError};
use crate::homecoming::ShutdownReport;
use crate::reason::StopReason;
use crate::rt::contain::{discard, drop_contained};
use crate::scope_core::ScopeCore;
use crate::settle::Account;
use crate::status::ForeignThread;
use crate::{BoxError, Result, owned, sys};

/// sysexits(3): an internal error; the exit code when threads were overdue.
pub(crate) const OVERDUE_CODE: u8 = 70;
/// 128 + SIGINT, as a shell expects it.
const INTERRUPTED_CODE: u8 = 130;
const SIGINT: i32 = 2;

/// How a run ended.
#[must_use = "return it from main: it is the exit code"]
#[non_exhaustive]
pub struct Exit<T> {
    /// What `main` returned, or what failed.
    pub result: Result<T, ScopeError>,
    /// How the threads came home.
    pub shutdown: ShutdownReport,
}

impl<T> Exit<T> {
    /// The result alone.
    ///
    /// # Errors
    /// What failed; or the stop, if `main` returned one.
    pub fn into_result(self) -> Result<T, ScopeError> {
        self.result
    }

    /// 70 if threads were not home at the deadline, else 1 if something failed, else 130 after SIGINT, else 0: a clean
    /// stop by SIGTERM or SIGHUP is a success (systemd counts 143 as a failure).
    pub fn code(&self) -> u8 {
        let failed = self.result.as_ref().is_err_and(|error| error.stop_reason().is_none());
        let reason = self.shutdown.reason.as_ref().map(StopReason::root);
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
    /// Prints the failure tree on stderr, and the report if threads were overdue.
    fn report(self) -> ExitCode {
        let code = self.code();
        let mut stderr = io::stderr().lock();
        if let Err(error) = self.result.as_ref()
            && error.stop_reason().is_none()
        {
            let _closed_stderr = writeln!(stderr, "{error}");
        }
        if self.shutdown.timeout > 0 {
            let _closed_stderr = writeln!(stderr, "{}", self.shutdown);
        }
        ExitCode::from(code)
    }
}

impl<T: fmt::Debug> fmt::Debug for Exit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exit").field("result", &self.result).field("shutdown", &self.shutdown).finish()
    }
}

/// The body was not run.
pub(crate) fn refused<T>(name: Cow<'static, str>, at: &'static Location<'static>, why: BoxError) -> Exit<T> {
    let path = format!("/{}", crate::path::escape(&name));
    let origin =
        Origin { id: None, path, name, purpose: "registry".into(), spawned_from: at, notes: Vec::new() };
    let failure = Failure::error(origin, why, Vec::new());
    let error = ScopeError::of_one(failure, ShutdownReport::default());
    Exit { result: Err(error), shutdown: ShutdownReport::default() }
}

/// The result, with the orphans in its report; or the body's panic, now that everything is as it was.
pub(crate) fn exit<T>(core: &Arc<ScopeCore>, lived: Lived<T>, orphans: Vec<ForeignThread>) -> Exit<T> {
    let Lived { value, payload, verdict } = lived;
    let mut verdict = verdict.map(Account::into_report);
    let report = match &mut verdict {
        Ok(report) => report,
        Err(error) => error.report_mut(),
    };
    // A row that says that they are not known is no thread.
    report.orphaned = orphans.iter().filter(|row| row.unknown.is_none()).count();
    report.total += report.orphaned;
    report.foreign = orphans;
    report.owned = owned::alive();
    let shutdown = report.clone();
    if let Some(payload) = payload {
        verdict.err().iter().for_each(|error| report_before_unwinding(core, error));
        resume_unwind(payload);
    }
    let result = match (verdict, value) {
        (Ok(_), Some(value)) => Ok(value),
        (Err(error), value) => {
            discard(drop_contained(value));
            Err(error)
        }
        (Ok(_), None) => sys::die("homebound: the root ended with neither value nor error"),
    };
    Exit { result, shutdown }
}

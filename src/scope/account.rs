//! Owns what a scope tells of its threads: the report of a shutdown, snapshots and dumps.
//! Refuses to collect it: `shutdown` and `tree` do.

use std::panic::Location;
use std::time::Duration;

use crate::outcome::report::shutdown::ShutdownReport;
use crate::outcome::status::snapshot::{Snapshot, ThreadState, ThreadStatus};
use crate::rt::awake;
use crate::rt::time::after;
use crate::scope::face::Scope;
use crate::shutdown::call;
use crate::sight::examine::{self, Examine};
use crate::sight::files::Files;

/// # How the threads come home, and what they do
impl Scope<'_, '_> {
    /// Stops the scope and blocks until all its threads are home, or until `grace` has passed. The
    /// report names the threads that are late. A thread below the scope, a callback and a deferred
    /// function cannot wait for their own scope: there `shutdown` only tells the scope to stop, and
    /// returns the state as it is.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// homebound::scope(|scope| {
    ///     scope.service("clock", "waits to be told", |cx| Ok(drop(cx.wait_for_stop())))?;
    ///     let report = scope.shutdown(Duration::from_secs(5));
    ///     assert_eq!((report.total, report.joined, report.timeout), (1, 1, 0));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn shutdown(&self, grace: Duration) -> ShutdownReport {
        call::shutdown(self.core(), after(awake::now(), grace), Location::caller())
    }

    /// Returns the workers, services and adopted threads of this scope, and of the scopes inside
    /// it, that have not ended.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     scope.service("clock", "waits to be told", |cx| Ok(drop(cx.wait_for_stop())))?;
    ///     let names: Vec<_> = scope.active_threads().into_iter().map(|row| row.name).collect();
    ///     assert_eq!(names, ["clock"]);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn active_threads(&self) -> Vec<ThreadStatus> {
        let threads = examine::threads(&self.core().live()).into_iter();
        threads.filter(|thread| thread.state != ThreadState::Ended).collect()
    }

    /// Returns the threads and scopes in this scope as data, at one moment.
    ///
    /// ```
    /// homebound::scope_named("app", |scope| {
    ///     scope.service("clock", "waits to be told", |cx| Ok(drop(cx.wait_for_stop())))?;
    ///     let snapshot = scope.snapshot();
    ///     assert_eq!(snapshot.root.path, "/app");
    ///     assert!(snapshot.root.threads.iter().any(|row| row.purpose == "waits to be told"));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn snapshot(&self) -> Snapshot {
        examine::snapshot(self.core())
    }

    /// Returns the threads and scopes in this scope as data, with what the kernel and the stacks of
    /// the threads tell.
    ///
    /// Blocks until all is read, for as long as [`Examine::within`] says; reading the names of
    /// functions from the files of the program may take longer.
    ///
    /// ```
    /// use homebound::{Examine, Stacks};
    ///
    /// homebound::scope_named("app", |scope| {
    ///     scope.service("clock", "waits to be told", |cx| Ok(drop(cx.wait_for_stop())))?;
    ///     let snapshot = scope.examine(Examine::new().kernel().stacks(Stacks::Asleep));
    ///     let clock = snapshot.root.threads.iter().find(|row| row.name == "clock");
    ///     if let Some(stack) = clock.and_then(|clock| clock.stack.as_ref()) {
    ///         println!("clock is {stack}");
    ///     }
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn examine(&self, examine: Examine) -> Snapshot {
        examine::examine(self.core(), examine)
    }

    /// Returns the tree as text, for people. The kernel is asked about each thread that is in no
    /// wait of homebound's (Linux), for 300 ms at most.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     scope.service("clock", "ticks", |cx| Ok(drop(cx.wait_for_stop())))?;
    ///     assert!(scope.dump_status().contains("clock"));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn dump_status(&self) -> String {
        examine::dump(self.core(), Files::All).to_string()
    }
}

//! Owns what the crate `homebound-testing` needs beyond the public interface: roots into which
//! something is planted, the owner of an OS thread, the marks by which threads are known again.
//! Refuses to be used by programs: it is hidden, and may change in any release.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::outcome::errors::failure::ScopeError;
use crate::outcome::reason::StopReason;
use crate::outcome::report::shutdown::ShutdownReport;
use crate::outcome::status::snapshot::Snapshot;
use crate::rt::contain::{discard, drop_contained, message};
use crate::rt::result::Result;
use crate::scope::face::Scope;
use crate::scope::run::{Lived, live};
use crate::shutdown::reporting::report;
use crate::sight::examine;
use crate::tree::core::{Kind, ScopeCore};
use crate::tree::record::{Record, next_thread_id};
use crate::tree::root::{Root, open_root};

pub use crate::rt::shown::Shown;
pub use crate::rt::shown::kernel_name;
pub use crate::sys::KernelThread;
pub use crate::sys::NAME_BYTES;
pub use crate::sys::marks;
pub use crate::sys::marks_of;
pub use crate::sys::process_threads;
pub use crate::sys::set_mark;
pub use crate::sys::thread_id;
pub use crate::sys::write_stderr;
pub use crate::tree::fault_plan::Hit;
pub use crate::tree::fault_plan::Probe;
pub use crate::tree::fault_plan::Seed;

/// A standalone root scope with a probe. Its body has not run yet.
#[derive(Debug)]
pub struct ProbedRoot(Arc<ScopeCore>);

/// How the body of a [`ProbedRoot`] and its threads ended.
#[derive(Debug)]
pub struct Ended {
    /// The body's panic message, if the body panicked.
    pub panic: Option<String>,
    /// The report of the scope, or its failures.
    pub verdict: Result<ShutdownReport, ScopeError>,
}

impl ProbedRoot {
    /// Opens a root of this grace. The probe is asked at every wait, checkpoint and spawn in the
    /// root.
    #[track_caller]
    pub fn open(grace: Duration, probe: Arc<Probe>) -> ProbedRoot {
        let root = Root::new(grace, None);
        let _the_root_is_new = root.probe.set(probe);
        let core = open_root(root, "app".into(), Kind::Scope, Location::caller());
        core.node.set_probed();
        ProbedRoot(core)
    }

    /// Runs `body` in the root, and returns when all threads are joined. A panic of `body` is
    /// contained. To be called once.
    pub fn run<'env, T, F>(&self, body: F) -> Ended
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> Result<T>,
    {
        let Lived { value, payload, verdict } = live(&self.0, body);
        discard(drop_contained(value));
        let panic = payload.map(|payload| {
            let text = message(&payload).to_owned();
            discard(payload);
            text
        });
        let verdict = verdict.map(|()| report(&self.0));
        self.0.vacate();
        Ended { panic, verdict }
    }

    /// Stops the root.
    #[track_caller]
    pub fn stop(&self) {
        self.0.node.stop(StopReason::Requested { at: Location::caller() });
    }

    /// True once the root is stopped.
    pub fn is_stopping(&self) -> bool {
        self.0.node.is_stopping()
    }

    /// Returns the tree of the root as data.
    pub fn snapshot(&self) -> Snapshot {
        examine::snapshot(&self.0)
    }
}

/// Returns an id that is larger than the ids of all scopes and threads so far, and smaller than all
/// later ids.
pub fn next_scope_id() -> u64 {
    next_thread_id()
}

/// The root that started an OS thread.
#[derive(Debug)]
pub struct Owner {
    /// The id of the root's scope.
    pub scope: u64,
    /// The thread that runs there: its path, and where it was spawned; `None` while it is idle.
    pub thread: Option<(String, &'static Location<'static>)>,
}

/// Returns the owner of each of these OS threads; `None` for a thread that homebound did not start.
pub fn owners(os_tids: &[u32]) -> Vec<Option<Owner>> {
    let roots = Root::all();
    os_tids.iter().map(|os_tid| owner(*os_tid, &roots)).collect()
}

fn owner(os_tid: u32, roots: &[Arc<Root>]) -> Option<Owner> {
    let root = roots.iter().find(|root| root.cache.kernel_ids().contains(&os_tid))?;
    let scope = root.scope.get()?.upgrade()?;
    let live = scope.live();
    let record: Option<&Arc<Record>> = live.iter().find(|record| record.kernel_id() == Some(os_tid));
    let thread = record.map(|record| (record.path().to_owned(), record.label.at));
    Some(Owner { scope: scope.id, thread })
}

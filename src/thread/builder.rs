//! Owns what is said of a thread before it is started: name, purpose, what its failure and its end
//! mean, and which stack it has.
//! Refuses to run it: `spawn` does.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::outcome::error::SpawnError;
use crate::outcome::status::Role;
use crate::rt::erase::Lease;
use crate::rt::os_thread::ThreadOptions;
use crate::rt::packet::{Claim, Packet};
use crate::rt::result::Result;
use crate::stop::node::{Link, Node};
use crate::thread::context::Context;
use crate::thread::handle::Handle;
use crate::thread::spawn::launch;
use crate::tree::core::ScopeCore;
use crate::tree::record::{Label, Record};
use crate::tree::text::IntoText;

/// A thread to be, with more to be said about it than name and purpose.
#[must_use = "a builder starts nothing until .spawn(f) or .service(f)"]
pub struct ThreadBuilder<'scope> {
    core: Arc<ScopeCore>,
    lease: Lease<'scope>,
    label: Label,
    isolated: bool,
    vital: bool,
    make: ThreadOptions,
}

impl<'scope> ThreadBuilder<'scope> {
    pub(crate) fn new(core: &Arc<ScopeCore>, lease: Lease<'scope>, label: Label) -> Self {
        let core = Arc::clone(core);
        ThreadBuilder { core, lease, label, isolated: false, vital: false, make: ThreadOptions::default() }
    }

    /// Its failure stops nobody. It is returned by `join`; if nobody joins, it is in the scope's result after all.
    pub fn isolated(mut self) -> Self {
        self.isolated = true;
        self
    }

    /// When it ends, however it ends, the scope is stopped.
    pub fn vital(mut self) -> Self {
        self.vital = true;
        self
    }

    /// It gets an OS thread that no other job has used or will use. Without this, a job may find what an earlier one of the same name
    /// has left: thread-locals, the token of `thread::park`, processors, timer slack, user ids and folders of its own. Signal mask,
    /// kernel's name and rounding of numbers are put back after each job (Linux).
    pub fn dedicated(mut self) -> Self {
        self.make.dedicated = true;
        self
    }

    /// The size of its stack in bytes; the system rounds it up, and may refuse it at the spawn.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.make.stack_size = Some(bytes);
        self
    }

    /// Shows this line as the one that spawned it: for a function that spawns on behalf of its caller, and is `#[track_caller]`.
    pub fn spawned_at(mut self, at: &'static Location<'static>) -> Self {
        self.label.at = at;
        self
    }

    /// Starts it as a worker: it ends by itself.
    ///
    /// # Errors
    /// See [`Scope::spawn`](crate::Scope::spawn).
    pub fn spawn<T, F>(self, f: F) -> Result<Handle<'scope, T>, SpawnError>
    where
        F: FnOnce(&Context) -> Result<T> + Send + 'scope,
        T: Send + 'scope,
    {
        self.start(Role::Worker, f)
    }

    /// Starts it as a service: it ends when it is told, after the workers.
    ///
    /// # Errors
    /// See [`Scope::spawn`](crate::Scope::spawn).
    pub fn service<F>(self, f: F) -> Result<Handle<'scope, ()>, SpawnError>
    where
        F: FnOnce(&Context) -> Result + Send + 'scope,
    {
        self.start(Role::Service, f)
    }

    fn start<T, F>(self, role: Role, f: F) -> Result<Handle<'scope, T>, SpawnError>
    where
        F: FnOnce(&Context) -> Result<T> + Send + 'scope,
        T: Send + 'scope,
    {
        let name = self.label.name.as_ref();
        if name.is_empty() || name.contains('\0') {
            return Err(SpawnError::InvalidName);
        }
        let packet = Packet::new(move |record: &Arc<Record>| f(&Context::of(record)));
        // One object, two owners: the handle keeps its typed end, to take the result; the thread gets the erased end, to run it.
        let claim: Arc<dyn Claim<T> + 'scope> = Arc::<Packet<_, T>>::clone(&packet);
        let task = self.lease.erase(packet);
        let mut record = Record::new(self.label, role, &self.core, Node::new(Link::Inside));
        (record.isolated, record.vital) = (self.isolated, self.vital);
        let record = Arc::new(record);
        launch(&self.core, &record, task, self.make)?;
        Ok(Handle::new(record, claim))
    }
}

impl fmt::Debug for ThreadBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadBuilder").field("label", &self.label).finish_non_exhaustive()
    }
}

/// What spawning takes: a name for humans, `ps` and paths, and what the thread is for.
#[track_caller]
pub(crate) fn label(name: impl IntoText, purpose: impl IntoText) -> Label {
    Label { name: name.into(), purpose: purpose.into(), at: Location::caller() }
}

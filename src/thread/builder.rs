//! Owns the configuration of a thread that is not started yet: its name and purpose, the effect of
//! its failure and its end, its stack.
//! Refuses to run the thread: `spawn` does.

use std::convert::Infallible;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;

use crate::outcome::errors::error::SpawnError;
use crate::outcome::status::snapshot::Role;
use crate::rt::erase::Lease;
use crate::rt::options::{Setting, ThreadOptions};
use crate::rt::order::sort_by_key;
use crate::rt::packet::{Claim, Packet, Repeated};
use crate::rt::priority::Priority;
use crate::rt::result::Result;
use crate::stop::node::{Link, Node};
use crate::thread::context::Context;
use crate::thread::handle::Handle;
use crate::thread::rerun::{self, Decider, Rerun};
use crate::thread::spawn::launch;
use crate::tree::core::ScopeCore;
use crate::tree::life::Inbox;
use crate::tree::readiness::Word;
use crate::tree::record::{Label, Record};
use crate::tree::root::MakeLooks;
use crate::tree::text::IntoText;
use crate::tree::traits::Traits;
use crate::tree::vitals::Vitals;

/// Configures a thread before it is started: what its failure and its end mean, its stack, an OS
/// thread of its own. From [`Scope::thread`](crate::Scope::thread) or
/// [`Context::thread`](crate::Context::thread).
///
/// | a thread is | it is told to stop | it returns `Err`, or panics | it returns `Ok` |
/// |---|---|---|---|
/// | a worker: [`spawn`](Self::spawn) | when the scope stops | the scope stops | nothing |
/// | a service: [`service`](Self::service) | after the workers | the scope stops | nothing |
/// | not ready: [`start`](Self::start) | after the workers | `start` fails | `start` fails |
/// | [`isolated`](Self::isolated) too | as without | nothing stops | nothing |
/// | [`vital`](Self::vital) too | as without | the scope stops | the scope stops |
///
/// | where a failure is listed | if the thread is joined | if its handle is dropped |
/// |---|---|---|
/// | of a worker or a service | `join` returns it, and the scope lists it | the scope lists it |
/// | of an isolated thread | `join` returns it | the scope lists it |
///
/// A thread that ends because it was told to stop has not failed. A scope "lists" a failure in its
/// [`ScopeError`](crate::ScopeError).
///
/// ```
/// homebound::scope(|scope| {
///     let thumbs = scope.thread("thumbs", "makes small pictures").isolated();
///     let thumbs = thumbs.spawn(|_| -> homebound::Result { Err("no such picture")? })?;
///     assert!(thumbs.join().is_err()); // the joiner has the failure, and the scope goes on
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[must_use = "a builder starts nothing until .spawn(f), .service(f) or .start(limit, f)"]
pub struct ThreadBuilder<'scope> {
    core: Arc<ScopeCore>,
    lease: Lease<'scope>,
    label: Label,
    traits: Traits,
    priority: Priority,
    /// In ascending order; `None` for the root's.
    cores: Option<Vec<usize>>,
    make: ThreadOptions,
    /// Gets the id of the thread when the thread has ended.
    inbox: Option<Inbox>,
    /// How often a sign of progress is to be expected.
    pub(super) expect_every: Option<(Duration, MakeLooks)>,
}

impl<'scope> ThreadBuilder<'scope> {
    pub(crate) fn new(core: &Arc<ScopeCore>, lease: Lease<'scope>, label: Label) -> Self {
        let core = Arc::clone(core);
        ThreadBuilder {
            core,
            lease,
            label,
            traits: Traits::default(),
            priority: Priority::Normal,
            cores: None,
            make: ThreadOptions::default(),
            inbox: None,
            expect_every: None,
        }
    }

    /// The scope in which the thread would be started, the promise about its lifetime, and its
    /// label: for work that starts threads in a group of its own.
    pub(crate) fn place(&self) -> (&Arc<ScopeCore>, Lease<'scope>, &Label) {
        (&self.core, self.lease, &self.label)
    }

    /// Takes the attributes of the OS thread from another builder.
    pub(crate) fn like(mut self, other: &ThreadBuilder<'_>) -> Self {
        (self.priority, self.cores, self.make) = (other.priority, other.cores.clone(), other.make.clone());
        self
    }

    /// A failure of the thread stops nothing: `join` returns it. If the thread is never joined, its
    /// scope lists the failure.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let risky = scope.thread("risky", "parses a file of a user").isolated();
    ///     let risky = risky.spawn(|_| Ok("twelve".parse::<u8>()?))?;
    ///     assert!(risky.join().is_err());
    ///     assert!(!scope.is_stopping());
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn isolated(mut self) -> Self {
        self.traits.isolated = true;
        self
    }

    /// The end of the thread, however it ends, stops the scope.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     scope.thread("window", "is the program for its user").vital().spawn(|_| Ok(()))?;
    ///     let reason = scope.context().wait_for_stop(); // the window was closed
    ///     assert!(matches!(reason, homebound::StopReason::Vital { .. }));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn vital(mut self) -> Self {
        self.traits.vital = true;
        self
    }

    /// Gives the thread an OS thread that no other thread has used or will use.
    ///
    /// Without this, a thread may find what an earlier thread of the same name has left on the OS
    /// thread: thread-locals, the token of `thread::park`, processors, timer slack, user ids and
    /// folders of its own. Signal mask, the kernel's name and the rounding of numbers are put back
    /// after each thread (Linux).
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     scope.thread("audio", "plays at a high priority").dedicated().spawn(|_| {
    ///         // Changes the priority of this OS thread, which ends with this thread.
    ///         Ok(())
    ///     })?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn dedicated(mut self) -> Self {
        self.make.asked().dedicated = true;
        self
    }

    /// Sets the size of the thread's stack, in bytes. The system rounds it up, and may refuse the
    /// size when the thread is spawned.
    ///
    /// ```
    /// fn depth(left: u32) -> u32 {
    ///     if left == 0 { 0 } else { 1 + depth(left - 1) }
    /// }
    /// homebound::scope(|scope| {
    ///     let parser = scope.thread("parser", "descends deep").stack_size(8 * 1024 * 1024);
    ///     assert_eq!(parser.spawn(|_| Ok(depth(1_000)))?.join()?, 1_000);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.make.asked().stack_size = Some(bytes);
        self
    }

    /// Sets how urgent the work of the thread is, beside that of the other threads of its root
    /// (Linux; without effect on other systems).
    ///
    /// No spawn is refused for it. The thread starts with what the system allows, and
    /// [`ThreadStatus::priority`](crate::status::ThreadStatus::priority) has what was asked for,
    /// what was given, and why. An OS thread with a priority of its own is used for no other
    /// thread.
    ///
    /// Threads that a background thread spawns are no background threads unless they ask for it. A
    /// thread that is started without homebound, and a child process that is started by
    /// `std::process`, inherit the priority.
    ///
    /// ```
    /// use homebound::Priority;
    ///
    /// homebound::scope(|scope| {
    ///     let sound = scope.thread("sound", "fills the buffer of the sound card");
    ///     let sound = sound.priority(Priority::Critical);
    ///     sound.service(|cx| Ok(drop(cx.wait_for_stop())))?;
    ///     for thread in scope.active_threads() {
    ///         if thread.priority.why.is_some() {
    ///             println!("sound may stutter: {}", thread.priority);
    ///         }
    ///     }
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Lets the thread run on these cores only, by their numbers from 0 (Linux; without effect on
    /// other systems).
    ///
    /// No spawn is refused for it. If the process may use none of these cores, the thread runs on
    /// those of its root, and [`ThreadStatus::cores`](crate::status::ThreadStatus::cores) says why.
    /// An OS thread with cores of its own is used for no other thread. Threads that this thread
    /// spawns run on the cores of the root.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let sums = scope.thread("sums", "keeps the cache of one core warm").cores(0..1);
    ///     assert_eq!(sums.spawn(|_| Ok(1 + 2))?.join()?, 3);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn cores(mut self, cores: impl IntoIterator<Item = usize>) -> Self {
        let mut cores: Vec<usize> = cores.into_iter().collect();
        sort_by_key(&mut cores, |core| *core);
        cores.dedup();
        self.cores = Some(cores);
        self
    }

    /// Shows `at` as the line that spawned the thread: for a `#[track_caller]` function that spawns
    /// for its caller.
    ///
    /// ```
    /// use homebound::{Handle, Scope, SpawnError};
    ///
    /// #[track_caller]
    /// fn log_writer<'s>(scope: &Scope<'s, '_>) -> Result<Handle<'s, ()>, SpawnError> {
    ///     let caller = std::panic::Location::caller();
    ///     scope.thread("log", "writes the log").spawned_at(caller).spawn(|_| Ok(()))
    /// }
    /// homebound::scope(|scope| Ok(log_writer(scope)?.join()?))?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn spawned_at(mut self, at: &'static Location<'static>) -> Self {
        self.label.at = at;
        self
    }

    /// Logs failures of the thread as warnings, because another thread may make up for them.
    pub(crate) fn competing(mut self) -> Self {
        self.traits.competing = true;
        self
    }

    /// Sends the id of the thread to `inbox` when the thread has ended and its handle has the
    /// result.
    pub(crate) fn telling(mut self, inbox: Inbox) -> Self {
        self.inbox = Some(inbox);
        self
    }

    /// The scope, its lease and the label, for a group instead of a thread.
    pub(crate) fn into_parts(self) -> (Arc<ScopeCore>, Lease<'scope>, Label) {
        (self.core, self.lease, self.label)
    }

    /// Starts the thread as a worker, which ends by itself.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let sum = scope.thread("sum", "adds two numbers").dedicated().spawn(|_| Ok(1 + 2))?;
    ///     assert_eq!(sum.join()?, 3);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// See [`Scope::spawn`](crate::Scope::spawn).
    pub fn spawn<T, F>(self, f: F) -> Result<Handle<'scope, T>, SpawnError>
    where
        F: FnOnce(&Context) -> Result<T> + Send + 'scope,
        T: Send + 'scope,
    {
        Ok(self.launch_as(Role::Worker, |_| (), f)?.0)
    }

    /// Starts the thread as a service, which ends when it is told to stop, after the workers.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let cache = scope.thread("cache", "drops old entries").isolated();
    ///     cache.service(|cx| Ok(drop(cx.wait_for_stop())))?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// See [`Scope::spawn`](crate::Scope::spawn).
    pub fn service<F>(self, f: F) -> Result<Handle<'scope, ()>, SpawnError>
    where
        F: FnOnce(&Context) -> Result + Send + 'scope,
    {
        Ok(self.launch_as(Role::Service, |_| (), f)?.0)
    }

    /// Starts a service whose starter waits for `word`: see [`Record::begin_start`].
    pub(crate) fn begin_service<F>(
        self,
        word: Word,
        f: F,
    ) -> Result<(Handle<'scope, ()>, Receiver<Infallible>), SpawnError>
    where
        F: FnOnce(&Context) -> Result + Send + 'scope,
    {
        let traits = Traits { starts_by: word, ..self.traits };
        ThreadBuilder { traits, ..self }.launch_as(Role::Service, Record::begin_start, f)
    }

    /// Starts the thread. `arm` gets its record before any other thread knows it.
    fn launch_as<T, F, R>(
        self,
        role: Role,
        arm: impl FnOnce(&Record) -> R,
        f: F,
    ) -> Result<(Handle<'scope, T>, R), SpawnError>
    where
        F: FnOnce(&Context) -> Result<T> + Send + 'scope,
        T: Send + 'scope,
    {
        let packet = Packet::new(move |record: &Arc<Record>| f(&Context::of(record)));
        // The packet has two owners. The handle keeps the typed end, to take the result. The thread
        // gets the erased end, to run the closure.
        let claim: Arc<dyn Claim<T> + 'scope> = Arc::<Packet<_, T>>::clone(&packet);
        let task = self.lease.erase(packet);
        let (record, make) = self.record(role);
        // Before the launch, because the thread may be ready before `launch` returns.
        let armed = arm(&record);
        // After a refusal the handle is never made: `launch` has dropped the closure, and `claim`
        // drops the packet here.
        launch(&record, task, make)?;
        Ok((Handle::new(record, claim), armed))
    }

    /// Starts a worker that stands for its scope: it has the path of the scope, as a body has.
    pub(crate) fn head<F>(self, f: F) -> Result<Handle<'scope, ()>, SpawnError>
    where
        F: FnOnce(&Context) -> Result + Send + 'scope,
    {
        Ok(self.launch_as(Role::Worker, |record| record.set_path(record.core.path().to_owned()), f)?.0)
    }

    /// Starts a thread whose closure may run again, as `decider` says. A starter waits for `word`
    /// in each run, unless it is `Word::None`.
    pub(crate) fn rerun<T, F>(
        self,
        role: Role,
        word: Word,
        mut f: F,
        decider: Arc<dyn Decider>,
    ) -> Result<Rerunning<'scope, T>, SpawnError>
    where
        F: FnMut(&Context) -> Result<T> + Send + 'scope,
        T: Send + 'scope,
    {
        let packet = Repeated::new(move |record: &Arc<Record>| f(&Context::of_run(record)));
        // As in `launch_as`, the packet has two owners.
        let claim: Arc<dyn Claim<T> + 'scope> = Arc::<Repeated<_, T>>::clone(&packet);
        let task = self.lease.erase(packet);
        let traits = Traits { starts_by: word, runs: Some(Arc::default()), ..self.traits };
        let (record, make) = ThreadBuilder { traits, ..self }.record(role);
        // Before the launch, as in `launch_as`. The later runs begin their start themselves.
        let started = (word != Word::None).then(|| record.begin_start());
        let rerun = rerun::launch(&record, task, make, decider)?;
        Ok(Rerunning { handle: Handle::new(record, claim), rerun, started })
    }

    fn record(mut self, role: Role) -> (Arc<Record>, ThreadOptions) {
        let record = Record::new(self.label, role, &self.core, Node::new(Link::Inside), self.traits);
        if let Some((every, looks)) = self.expect_every {
            // The record is still unknown to other threads. The root needs the maker of the looks
            // before `launch` gives the board its news.
            record.set_vitals(Vitals::expecting(every));
            let _another_was_first = self.core.root.looks.set(looks);
        }
        if self.priority != Priority::Normal || self.cores.is_some() {
            // Shared: the OS thread writes what the system has given, and views read it by the
            // record.
            let setting = Arc::new(Setting::new(self.priority, self.cores));
            let _set_once = record.extras().setting.set(Arc::clone(&setting));
            self.make.asked().setting = Some(setting);
        }
        if let Some(inbox) = self.inbox {
            // Before the thread is started, so that no end is missed.
            record.tell_when_done(inbox);
        }
        (record, self.make)
    }
}

/// A thread whose closure may run again, and its first run.
pub(crate) struct Rerunning<'scope, T> {
    pub(crate) handle: Handle<'scope, T>,
    pub(crate) rerun: Arc<Rerun>,
    /// As `Record::begin_start` returns it, if the thread begins as *starting*.
    pub(crate) started: Option<Receiver<Infallible>>,
}

impl fmt::Debug for ThreadBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadBuilder").field("label", &self.label).finish_non_exhaustive()
    }
}

/// Makes the label of a thread: its name, which people, `ps` and paths show, its purpose, and the
/// line of the caller.
#[track_caller]
pub(crate) fn label(name: impl IntoText, purpose: impl IntoText) -> Label {
    Label { name: name.into(), purpose: purpose.into(), at: Location::caller() }
}

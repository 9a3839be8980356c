//! Owns the facts about one thread of the tree: its label, its present wait, its ending.
//! Refuses to act: scopes admit it, `thread::spawn` runs it, `snapshot` reads it.

use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::outcome::errors::failure::Origin;
use crate::outcome::report::shutdown::Ending;
use crate::outcome::status::id::ThreadId;
use crate::outcome::status::snapshot::{ProcessStatus, Role};
use crate::rt::latch::Latch;
use crate::rt::options::Setting;
use crate::rt::this_thread;
use crate::stop::node::Node;
use crate::sync::{self, AtomicBool, AtomicU32, Mutex, OnceCell};
use crate::tree::core::ScopeCore;
use crate::tree::job_now::JobNow;
use crate::tree::life::Life;
use crate::tree::runs::Seen;
use crate::tree::text::{Text, escape};
use crate::tree::traits::Traits;
use crate::tree::vitals::Vitals;
use crate::tree::waiting::{Line, Wait, Waits};

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// The id of a thread or scope: the smaller id was made earlier.
pub(crate) fn next_thread_id() -> u64 {
    // Relaxed, because ids order nothing but the things that are numbered.
    NEXT_ID.fetch_add(1, Ordering::Relaxed)
}

/// What a thread is called, what it is for, and where it was spawned.
#[derive(Debug, Clone)]
pub(crate) struct Label {
    pub(crate) name: Text,
    pub(crate) purpose: Text,
    pub(crate) at: &'static Location<'static>,
}

/// One thread of the tree. A field that is no lock, cell or atomic never changes after the spawn.
pub(crate) struct Record {
    pub(crate) id: ThreadId,
    pub(crate) label: Label,
    pub(crate) role: Role,
    pub(crate) traits: Traits,
    pub(crate) spawned_at: Instant,
    pub(crate) core: Arc<ScopeCore>,
    pub(crate) node: Arc<Node>,
    /// Set by the ending thread after `results::end`; joins wait for it.
    pub(crate) done: Latch,
    path: OnceCell<Box<str>>,
    /// Written by `start`, on the thread itself; 0 before, and where the system has no such id.
    kernel_id: AtomicU32,
    /// The OS thread that runs it, as `this_thread::number` counts; 0 before it starts.
    os_thread: sync::AtomicU64,
    /// Set by `set_ended`: its closure is gone, and views no longer show the thread.
    ended: AtomicBool,
    /// Set when its own scope counts it out, under that scope's lock; never cleared.
    home: AtomicBool,
    /// Its present or last wait. Written by the thread itself, read by views and health looks.
    waits: Mutex<Waits>,
    life: Mutex<Life>,
    /// Made on first use, because most threads have none of it: a program may have ten thousand.
    extras: OnceCell<Box<Extras>>,
}

/// The facts that few threads have.
#[derive(Default)]
pub(crate) struct Extras {
    /// Scopes whose body runs on this thread now.
    opened: Mutex<Vec<Weak<ScopeCore>>>,
    /// The child process that this thread supervises.
    pub(crate) process: OnceCell<Facts>,
    /// Its priority and cores, if not the root's. Set by the spawner or by `start`, read by views.
    pub(crate) setting: OnceCell<Arc<Setting>>,
    /// For a thread of a pool: the job that it is at. Set once, by the thread itself.
    pub(crate) job: OnceCell<JobNow>,
    /// The vitals of the thread, if it has said what to expect of it. A body shares the vitals of
    /// the thread that runs the body.
    pub(crate) vitals: OnceCell<Arc<Vitals>>,
}

/// The facts about a child process.
#[cfg_attr(not(unix), allow(dead_code))]
pub(crate) struct Facts {
    pub(crate) pid: u32,
    pub(crate) command: String,
    /// How the process ended, in words. Set once, by the supervising thread.
    pub(crate) exit: OnceCell<Box<str>>,
}

impl Facts {
    #[cfg(unix)]
    pub(crate) fn new(pid: u32, command: String) -> Facts {
        Facts { pid, command, exit: OnceCell::new() }
    }

    pub(crate) fn status(&self) -> ProcessStatus {
        let exit = self.exit.get().map(ToString::to_string);
        ProcessStatus { pid: self.pid, command: self.command.clone(), exit }
    }
}

impl Record {
    /// Makes a record, in an `Arc` at once: a function that had the record by value would have a
    /// copy of its destructor, which is large.
    pub(crate) fn new(
        label: Label,
        role: Role,
        core: &Arc<ScopeCore>,
        node: Arc<Node>,
        traits: Traits,
    ) -> Arc<Record> {
        node.inherit_probe(&core.node);
        Arc::new(Record {
            id: ThreadId(next_thread_id()),
            label,
            role,
            traits,
            spawned_at: Instant::now(),
            core: Arc::clone(core),
            node,
            done: Latch::default(),
            path: OnceCell::new(),
            kernel_id: AtomicU32::new(0),
            os_thread: sync::AtomicU64::new(0),
            ended: AtomicBool::new(false),
            home: AtomicBool::new(false),
            waits: Mutex::default(),
            life: Mutex::default(),
            extras: OnceCell::new(),
        })
    }

    /// The path of its scope, and its name. A body has the path of its scope.
    pub(crate) fn path(&self) -> &str {
        self.path.get_or_init(|| match self.role {
            Role::Body => self.core.path().into(),
            _ => [self.core.path(), &escape(&self.label.name)].join("/").into(),
        })
    }

    /// The thread, for a failure of it: with its notes, and the run that failed.
    pub(crate) fn origin(&self) -> Origin {
        let notes = self.life(|life| life.notes());
        let run = self.traits.runs.as_ref().map(|runs| format!("run {}", runs.look(|runs| runs.run)));
        Origin {
            id: Some(self.id),
            path: self.path_now(),
            name: self.label.name.clone(),
            purpose: self.label.purpose.clone(),
            spawned_from: self.label.at,
            notes: notes.into_iter().flatten().chain(run).collect(),
        }
    }

    /// The runs of the thread, to be shown. A thread without a restart has one.
    pub(crate) fn runs_seen(&self) -> Seen {
        self.traits.runs.as_ref().map_or_else(Seen::once, |runs| runs.seen())
    }

    /// The calling OS thread runs it from now on. Called as the first step of a routine. `setting`:
    /// of the OS thread.
    pub(crate) fn start(&self, setting: Option<&Arc<Setting>>) {
        if let Some(setting) = setting {
            let _asked_for = self.extras().setting.set(Arc::clone(setting));
        }
        // The number last, with Release: a thread that sees the start sees the kernel id as well.
        self.kernel_id.store(this_thread::kernel_id().unwrap_or(0), Ordering::Relaxed);
        // The time before the start is none of the thread's.
        self.progress(None);
        self.os_thread.store(this_thread::number(), Ordering::Release);
    }

    pub(crate) fn setting(&self) -> Option<&Arc<Setting>> {
        self.extras.get()?.setting.get()
    }

    /// No OS thread runs it for now, so the search for cycles and the kernel know none.
    pub(crate) fn set_down(&self) {
        self.os_thread.store(0, Ordering::Release);
        self.kernel_id.store(0, Ordering::Relaxed);
    }

    /// For the record of a job, which is made while `thread` runs it.
    pub(crate) fn start_as(&self, thread: &Record) {
        self.kernel_id.store(thread.kernel_id().unwrap_or(0), Ordering::Relaxed);
        self.os_thread.store(thread.os_thread(), Ordering::Release);
    }

    /// True if a wait for this thread may last for ever unless the thread is told first.
    ///
    /// A service that restarts may end by itself, because its policy may give up.
    pub(crate) fn ends_only_when_told(&self) -> bool {
        self.role == Role::Service && self.traits.runs.is_none()
    }

    pub(crate) fn has_started(&self) -> bool {
        self.os_thread() != 0
    }

    pub(crate) fn os_thread(&self) -> u64 {
        // Pairs with `start`.
        self.os_thread.load(Ordering::Acquire)
    }

    pub(crate) fn kernel_id(&self) -> Option<u32> {
        Some(self.kernel_id.load(Ordering::Relaxed)).filter(|id| *id != 0)
    }

    /// Live to ended. Release, after `Life` was written: a thread that reads this flag finds the
    /// ending there.
    pub(super) fn set_ended(&self) {
        self.ended.store(true, Ordering::Release);
    }

    pub(crate) fn has_ended(&self) -> bool {
        // Pairs with `set_ended`.
        self.ended.load(Ordering::Acquire)
    }

    pub(crate) fn set_home(&self) {
        // Ended to home. Release, because the search for cycles reads it without the scope's lock.
        self.home.store(true, Ordering::Release);
    }

    pub(crate) fn is_home(&self) -> bool {
        // Pairs with `set_home`.
        self.home.load(Ordering::Acquire)
    }

    pub(crate) fn life<R>(&self, look: impl FnOnce(&mut Life) -> R) -> R {
        look(&mut self.life.lock())
    }

    pub(crate) fn is_overdue(&self) -> bool {
        self.life.lock().overdue_since().is_some()
    }

    /// Sets the wait, and returns the one before it, which the caller puts back: waits nest.
    pub(crate) fn set_wait(&self, wait: Option<Wait>) -> Option<Wait> {
        self.waits.lock().set(wait)
    }

    pub(crate) fn wait(&self) -> Option<Wait> {
        self.waits.lock().now()
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.waits.lock().is_waiting()
    }

    /// The present wait, or else the wait that ended last.
    pub(crate) fn last_wait(&self) -> Option<Line> {
        self.waits.lock().line
    }

    pub(crate) fn extras(&self) -> &Extras {
        self.extras.get_or_init(Box::default)
    }

    pub(crate) fn process(&self) -> Option<&Facts> {
        self.extras.get()?.process.get()
    }

    pub(crate) fn job(&self) -> Option<&JobNow> {
        self.extras.get()?.job.get()
    }

    pub(crate) fn vitals(&self) -> Option<&Arc<Vitals>> {
        self.extras.get()?.vitals.get()
    }

    pub(crate) fn add_opened(&self, core: &Arc<ScopeCore>) {
        // Weak, because a scope holds the record of the thread that runs its body.
        self.extras().opened.lock().push(Arc::downgrade(core));
    }

    pub(crate) fn remove_opened(&self, core: &Arc<ScopeCore>) {
        if let Some(extras) = self.extras.get() {
            // By address, which tells these scopes apart as long as the list holds them.
            extras.opened.lock().retain(|weak| weak.as_ptr() != Arc::as_ptr(core));
        }
    }

    pub(crate) fn opened(&self) -> Vec<Arc<ScopeCore>> {
        let opened = self.extras.get().map(|extras| extras.opened.lock());
        opened.iter().flat_map(|opened| opened.iter()).filter_map(Weak::upgrade).collect()
    }

    /// How the thread ended, as judged by a deadline of its scope or of a scope around it.
    pub(crate) fn ending(&self, deadline: Option<Instant>) -> Ending {
        let life = self.life.lock();
        // Late if it ended after its deadline, or has not ended at all.
        let late = match (life.ended_at, deadline) {
            (Some(ended), Some(deadline)) => ended > deadline,
            (Some(_), None) => false,
            (None, _) => true,
        };
        life.ending.filter(|_| !late).unwrap_or(Ending::Overdue)
    }

    /// Sets the path of the record of a job, before anything reads it.
    pub(crate) fn set_path(&self, path: String) {
        let _set_once = self.path.set(path.into());
    }

    /// The path with the job that the thread is at: `/thumbs/thumbs-2/job 812`.
    pub(crate) fn path_now(&self) -> String {
        match self.job().and_then(|job| job.number()) {
            Some(number) => format!("{}/job {number}", self.path()),
            None => self.path().to_owned(),
        }
    }

    /// Called when the closure has left something in this record: a thread of a pool removes it
    /// after the job.
    pub(crate) fn touch_job(&self) {
        self.job().into_iter().for_each(|job| job.touch());
    }

    /// Notes a sign of progress, if the thread has said what to expect of it.
    #[inline]
    pub(crate) fn progress(&self, at: Option<&'static Location<'static>>) {
        if let Some(vitals) = self.vitals() {
            vitals.progress(at);
        }
    }

    /// True if the thread has said what to expect of it.
    pub(crate) fn expects(&self) -> bool {
        self.vitals().is_some_and(|vitals| vitals.every().is_some())
    }

    /// Says what to expect of the thread. Called before another thread knows the record.
    pub(crate) fn set_vitals(&self, vitals: Arc<Vitals>) {
        let _set_once = self.extras().vitals.set(vitals);
        self.node.set_noted();
    }

    /// Runs `f`, which may take `max` without a sign of progress. Its beginning and its end are
    /// such signs.
    pub(crate) fn patience<R>(&self, max: Duration, f: impl FnOnce() -> R) -> R {
        let vitals = Arc::clone(self.extras().vitals.get_or_init(Arc::default));
        vitals.patiently(max, f)
    }
}

//! Owns the check that a piece of code left no thread behind, even if other code starts threads
//! meanwhile.
//! Refuses to guess the owner of a thread: the kernel hands a mark of the starting thread on to
//! each thread that it starts.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::panic::Location;
use std::time::{Duration, Instant};
use std::{fmt, io, thread};

use parking_lot::{Condvar, Mutex};

use homebound::for_testing::{self as seam, KernelThread, NAME_BYTES, Owner, Shown, kernel_name};

/// Marks in use.
static TAKEN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());
static FREE: Condvar = Condvar::new();

/// A joined thread stays in the kernel's list for a moment, and a thread that was not joined may be
/// about to end.
const FIRST_PAUSE: Duration = Duration::from_micros(200);

/// Runs `f` and returns its result, unless a thread that was started meanwhile, by the calling
/// thread or by a descendant of it, is still there afterwards.
///
/// The check is right beside tests that run in parallel, because it does not count their threads. A
/// thread of a scope that was open before belongs to that scope, and is no leak; a thread of `std`
/// or of a library is one. [`NoLeaks`] has settings.
///
/// Linux only. The check blocks one real-time signal in the calling thread while `f` runs, and
/// descendants inherit that mark. It does not see a descendant that sets its own signal mask. There
/// are 31 marks. While all are in use, a call waits for a free one; if all are held by threads that
/// were left behind earlier, every new thread counts. If the check cannot see the threads, because
/// `/proc` cannot be read or the system is another, it fails and says so.
///
/// ```
/// use homebound_testing::no_leaks;
///
/// let sum = no_leaks(|| {
///     let one = std::thread::spawn(|| 1);
///     one.join().unwrap() + 1
/// });
/// assert_eq!(sum.unwrap(), 2);
///
/// let (stay, leave) = std::sync::mpsc::channel::<()>();
/// let lost = no_leaks(|| {
///     std::thread::Builder::new().name("lost".into()).spawn(move || leave.recv()).unwrap();
/// });
/// # #[cfg(target_os = "linux")]
/// assert_eq!(lost.unwrap_err().threads()[0].name, "lost");
/// drop(stay);
/// ```
///
/// # Errors
/// The threads that are left, or the reason why they are not known.
pub fn no_leaks<T>(f: impl FnOnce() -> T) -> Result<T, Leaks> {
    NoLeaks::new().check(f)
}

/// [`no_leaks`] with settings, and as a guard.
#[derive(Debug, Clone)]
#[must_use = "nothing is checked until .check(f) or .guard()"]
pub struct NoLeaks {
    ignored: Vec<Cow<'static, str>>,
    patience: Duration,
}

impl Default for NoLeaks {
    fn default() -> Self {
        NoLeaks { ignored: Vec::new(), patience: Duration::from_secs(1) }
    }
}

impl NoLeaks {
    /// Ignores no name, and waits a second for threads that are about to end.
    pub fn new() -> NoLeaks {
        NoLeaks::default()
    }

    /// Threads of this name are no leak. Use it for a library that keeps threads of its own. The
    /// kernel keeps 15 bytes of a name.
    pub fn ignore(mut self, name: impl Into<Cow<'static, str>>) -> NoLeaks {
        self.ignored.push(name.into());
        self
    }

    /// How long a thread may take to end. Default: one second.
    pub fn patience(mut self, patience: Duration) -> NoLeaks {
        self.patience = patience;
        self
    }

    /// Runs `f`; see [`no_leaks`].
    ///
    /// # Errors
    /// The threads that are left, or the reason why they are not known.
    pub fn check<T>(self, f: impl FnOnce() -> T) -> Result<T, Leaks> {
        let watch = Watch::begin();
        let value = f();
        watch.left(&self).map(|()| value)
    }

    /// Checks when the guard is dropped, and panics if a thread is left, or if that is not known.
    /// The guard must stay on its thread.
    ///
    /// ```
    /// let _guard = homebound_testing::NoLeaks::new().guard();
    /// homebound::scope(|scope| {
    ///     scope.spawn("worker", "comes home", |_| Ok(()))?;
    ///     Ok(())
    /// }).unwrap();
    /// ```
    #[must_use = "it checks when it is dropped"]
    pub fn guard(self) -> LeakGuard {
        LeakGuard { settings: self, watch: Watch::begin() }
    }
}

/// See [`NoLeaks::guard`].
#[derive(Debug)]
pub struct LeakGuard {
    settings: NoLeaks,
    watch: Watch,
}

impl Drop for LeakGuard {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        let left = self.watch.left(&self.settings);
        assert!(left.is_ok(), "{}", left.err().map(|leaks| leaks.to_string()).unwrap_or_default());
    }
}

/// The threads that were left behind, or the reason why they are not known.
#[derive(Debug, Clone)]
pub struct Leaks {
    threads: Vec<LeakedThread>,
    unknown: Option<String>,
}

/// A thread that was left behind.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LeakedThread {
    /// The kernel's id of the thread.
    pub os_tid: u32,
    /// The kernel's name of the thread: its own, or the name of the thread that started it.
    pub name: String,
    /// The path of a thread of homebound.
    pub path: Option<String>,
    /// Where a thread of homebound was spawned.
    pub spawned_from: Option<&'static Location<'static>>,
}

impl Leaks {
    /// At least one thread, or none if the check could not see them: see
    /// [`unknown`](Self::unknown).
    pub fn threads(&self) -> &[LeakedThread] {
        &self.threads
    }

    /// Why the check could not see the threads.
    pub fn unknown(&self) -> Option<&str> {
        self.unknown.as_deref()
    }
}

impl std::error::Error for Leaks {}

impl fmt::Display for Leaks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(why) = &self.unknown {
            return write!(f, "whether threads were left behind is not known: {why}");
        }
        match self.threads.len() {
            1 => f.write_str("a thread was left behind: ")?,
            count => write!(f, "{count} threads were left behind: ")?,
        }
        for (index, thread) in self.threads.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "; " })?;
            write!(f, "{thread}")?;
        }
        f.write_str(" (join it, or spawn it through a scope; .ignore(name) if it is a library's)")
    }
}

impl fmt::Display for LeakedThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.path, self.spawned_from) {
            (Some(path), Some(at)) => write!(f, "{}, spawned at {at}, tid {}", Shown(path), self.os_tid),
            _ => write!(f, "\"{}\", not homebound's, tid {}", Shown(&self.name), self.os_tid),
        }
    }
}

/// Marks the calling thread, and so every thread that it starts, until the value is dropped.
#[derive(Debug)]
struct Watch {
    mark: Option<u32>,
    /// Scopes with smaller ids were open before.
    from: u64,
    /// The threads that were there before, as far as the check could see them.
    before: io::Result<Vec<KernelThread>>,
    /// The mark belongs to the calling thread, so the value stays on it.
    _here: PhantomData<*const ()>,
}

impl Watch {
    fn begin() -> Watch {
        let marks = seam::marks();
        let mut taken = TAKEN.lock();
        let (mark, before) = loop {
            let (before, used) = match seen() {
                Ok((before, used)) => (Ok(before), used),
                Err(error) => break (None, Err(error)),
            };
            let free = marks.iter().find(|mark| used & bit(**mark) == 0 && !taken.contains(mark)).copied();
            if free.is_some() || taken.is_empty() {
                // No mark is free, and no check holds one to give back: threads that were left
                // behind earlier hold them all.
                break (free, before);
            }
            FREE.wait(&mut taken);
        };
        taken.extend(mark);
        drop(taken);
        let mark = mark.filter(|mark| seam::set_mark(*mark, true).is_ok());
        Watch { mark, from: seam::next_scope_id(), before, _here: PhantomData }
    }

    /// Fails with the remaining threads of those started meanwhile. Reads the kernel's list until
    /// none is left, or until the patience is over.
    fn left(&self, settings: &NoLeaks) -> Result<(), Leaks> {
        let end = Instant::now() + settings.patience;
        let mut pause = FIRST_PAUSE;
        loop {
            let (threads, starting) = self
                .look(settings)
                .map_err(|error| Leaks { threads: Vec::new(), unknown: Some(error.to_string()) })?;
            if threads.is_empty() && !starting {
                return Ok(());
            }
            if Instant::now() >= end {
                return if threads.is_empty() { Ok(()) } else { Err(Leaks { threads, unknown: None }) };
            }
            // The kernel offers nothing to wait on.
            thread::sleep(pause.min(end.saturating_duration_since(Instant::now())));
            pause *= 2;
        }
    }

    /// The threads that are left, and whether there are threads of which that is not known yet.
    fn look(&self, settings: &NoLeaks) -> io::Result<(Vec<LeakedThread>, bool)> {
        let before = self.before.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
        let (own, mut starting) = (seam::thread_id(), false);
        let mut threads = Vec::new();
        for thread in seam::process_threads(&|id| Some(id) == own)? {
            let marks = seam::marks_of(thread.id)?;
            let is_new = !before.contains(&thread);
            starting |= self.mark.is_some() && is_new && marks.is_some_and(has_all);
            let counts = match (self.mark, marks) {
                (None, _) => is_new,
                (Some(mark), Some(marks)) => !has_all(marks) && marks & bit(mark) != 0,
                (Some(_), None) => false,
            };
            if counts && !settings.ignored.iter().any(|name| is_name(&thread.name, name)) {
                threads.push(thread);
            }
        }
        let ids: Vec<u32> = threads.iter().map(|thread| thread.id).collect();
        let all = threads.into_iter().zip(seam::owners(&ids));
        Ok((all.filter_map(|(thread, owner)| self.describe(thread, owner)).collect(), starting))
    }

    /// Returns `None` for a thread of a scope that was open before.
    fn describe(&self, thread: KernelThread, owner: Option<Owner>) -> Option<LeakedThread> {
        if owner.as_ref().is_some_and(|owner| owner.scope < self.from) {
            return None;
        }
        let (os_tid, name) = (thread.id, thread.text());
        let (path, spawned_from) = owner.and_then(|owner| owner.thread).unzip();
        Some(LeakedThread { os_tid, name, path, spawned_from })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(mark) = self.mark {
            let _was_set_by_us = seam::set_mark(mark, false);
            TAKEN.lock().remove(&mark);
            FREE.notify_all();
        }
    }
}

/// A thread that starts another blocks all marks until the start is done, and the new thread blocks
/// them until it first runs.
fn has_all(marks: u64) -> bool {
    let all = seam::marks().into_iter().map(bit).fold(0, |all, one| all | one);
    marks & all == all
}

fn bit(mark: u32) -> u64 {
    1_u64.checked_shl(mark.saturating_sub(1)).unwrap_or(0)
}

/// The kernel cuts names, inside a character if need be. Names of homebound were cut and escaped
/// before.
fn is_name(kernel: &[u8], name: &str) -> bool {
    let cut = name.as_bytes().get(..NAME_BYTES).unwrap_or(name.as_bytes());
    kernel == cut || kernel == kernel_name(name, NAME_BYTES).as_bytes()
}

/// The threads of the process, and the marks in use.
fn seen() -> io::Result<(Vec<KernelThread>, u64)> {
    let there = seam::process_threads(&|_| false)?;
    let marks = there.iter().filter_map(|thread| seam::marks_of(thread.id).transpose());
    let marks = marks.collect::<io::Result<Vec<u64>>>()?;
    Ok((there, marks.into_iter().filter(|marks| !has_all(*marks)).fold(0, |all, one| all | one)))
}

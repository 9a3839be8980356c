//! Owns the check that a piece of code left no thread behind, whoever else starts threads meanwhile.
//! Refuses to guess whose a thread is: the kernel hands a mark of the starting thread on to each that it starts.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::panic::Location;
use std::time::{Duration, Instant};
use std::{fmt, io, thread};

use parking_lot::{Condvar, Mutex};

use homebound::for_testing::{self as seam, KernelThread, NAME_BYTES, Owner, Shown, kernel_name};

/// Marks that are in use.
static TAKEN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());
static FREE: Condvar = Condvar::new();

/// A thread that was joined stays in the kernel's list for a moment, and one that was not may be about to end.
const FIRST_PAUSE: Duration = Duration::from_micros(200);

/// Runs `f`, and returns what it returned, unless a thread that was started meanwhile, by the calling thread or by one
/// that descends from it, is still there afterwards.
///
/// True under tests that run in parallel: what others start is not counted. Threads of a scope that was open before are
/// its own, and no leak; a thread of `std` or of a library is one. [`NoLeaks`] has settings.
///
/// Linux. It blocks one real-time signal in the calling thread while `f` runs, which is how descendants are known: one that
/// sets its own mask to something else is not seen. There are 31; while all are in use, a call waits for one; if all are held
/// by threads that were left behind earlier, every thread that is new counts. A check that cannot see the threads, since
/// `/proc` is not there to be read or the system is another, fails and says so.
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
/// The threads that are left; or why that is not known.
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
    /// Ignores none, and waits a second for those that are about to end.
    pub fn new() -> NoLeaks {
        NoLeaks::default()
    }

    /// Threads of this name are no leak: those of a library that keeps its own. The kernel keeps 15 bytes of a name.
    pub fn ignore(mut self, name: impl Into<Cow<'static, str>>) -> NoLeaks {
        self.ignored.push(name.into());
        self
    }

    /// How long a thread may take to be gone. Default: one second.
    pub fn patience(mut self, patience: Duration) -> NoLeaks {
        self.patience = patience;
        self
    }

    /// Runs `f`; see [`no_leaks`].
    ///
    /// # Errors
    /// The threads that are left; or why that is not known.
    pub fn check<T>(self, f: impl FnOnce() -> T) -> Result<T, Leaks> {
        let watch = Watch::begin();
        let value = f();
        watch.left(&self).map(|()| value)
    }

    /// Checks when the guard is dropped, and panics then if a thread is left, or if that is not known. For the thread that makes the guard.
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

/// Threads that were left behind; or why it is not known whether there are any.
#[derive(Debug, Clone)]
pub struct Leaks {
    threads: Vec<LeakedThread>,
    unknown: Option<String>,
}

/// A thread that was left behind.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LeakedThread {
    /// The kernel's id of it.
    pub os_tid: u32,
    /// The kernel's name of it: its own, or that of the thread that started it.
    pub name: String,
    /// If it is homebound's: its path.
    pub path: Option<String>,
    /// If it is homebound's: where it was spawned.
    pub spawned_from: Option<&'static Location<'static>>,
}

impl Leaks {
    /// At least one, or none if they could not be seen: see [`unknown`](Self::unknown).
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

/// The calling thread is marked, and with it all that it starts, until this is dropped.
#[derive(Debug)]
struct Watch {
    mark: Option<u32>,
    /// Scopes with smaller ids were there before.
    from: u64,
    /// What was there before, as far as that could be seen.
    before: io::Result<Vec<KernelThread>>,
    /// The mark is the calling thread's: it stays there.
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
                // None is free, and nobody will give one back: there are threads about that were left behind with theirs.
                break (free, before);
            }
            FREE.wait(&mut taken);
        };
        taken.extend(mark);
        drop(taken);
        let mark = mark.filter(|mark| seam::set_mark(*mark, true).is_ok());
        Watch { mark, from: seam::next_scope_id(), before, _here: PhantomData }
    }

    /// Fails with what is left of those who were started meanwhile. Looked at until there is none, or for as long as is patient.
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

    /// Those that are there, and whether there are others of which it is not known yet.
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

    /// `None` if it is a thread of a scope that was there before.
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

/// A thread that starts another has all marks until that is done, and the new one until it is first let run.
fn has_all(marks: u64) -> bool {
    let all = seam::marks().into_iter().map(bit).fold(0, |all, one| all | one);
    marks & all == all
}

fn bit(mark: u32) -> u64 {
    1_u64.checked_shl(mark.saturating_sub(1)).unwrap_or(0)
}

/// The kernel cuts names, inside a character if need be; ours have been cut and escaped before.
fn is_name(kernel: &[u8], name: &str) -> bool {
    let cut = name.as_bytes().get(..NAME_BYTES).unwrap_or(name.as_bytes());
    kernel == cut || kernel == kernel_name(name, NAME_BYTES).as_bytes()
}

/// What is there, and the marks that are in use.
fn seen() -> io::Result<(Vec<KernelThread>, u64)> {
    let there = seam::process_threads(&|_| false)?;
    let marks = there.iter().filter_map(|thread| seam::marks_of(thread.id).transpose());
    let marks = marks.collect::<io::Result<Vec<u64>>>()?;
    Ok((there, marks.into_iter().filter(|marks| !has_all(*marks)).fold(0, |all, one| all | one)))
}

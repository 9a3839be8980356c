//! Owns how the two internal threads of a registry are reached: the clock of the root, what *watch* asks of *stopper*, what others do.
//! Refuses to allocate, and to wait for a lock, where *watch* uses it; the list of work_items is for all others.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::outcome::status::ForeignThread;
use crate::registry::audit;
use crate::registry::exit::OnOverdue;
use crate::registry::signal::{Meaning, SecondSignal, Signals};
use crate::rt::awake;
use crate::rt::event_count::EventCount;
use crate::rt::flags::Flags;
use crate::rt::time::after;
use crate::sync::locks::Mutex;
use crate::sys::last::{self, End};
use crate::sys::{self, WakePipe};
use crate::tree::core::ScopeCore;
use crate::tree::grace::Clock;
use crate::tree::root::{RootHost, WorkItem};
use once_cell::sync::OnceCell;

/// How much later than *watch* the kernel's timer ends the process: *watch* may be at its last words.
pub(crate) const SPARE: Duration = Duration::from_secs(2);

/// What a run goes by.
pub(crate) struct Settings {
    pub(crate) grace: Duration,
    pub(crate) kill_after: Duration,
    pub(crate) on_overdue: OnOverdue,
    pub(crate) second_signal: SecondSignal,
    pub(crate) signals: Signals,
    /// Those of them that have a handler of ours.
    pub(crate) taken: Vec<i32>,
    pub(crate) reap_orphans: bool,
}

impl Settings {
    pub(crate) fn end(&self) -> End {
        match self.on_overdue {
            OnOverdue::Exit(code) => End::Exit(i32::from(code)),
            OnOverdue::Abort => End::Abort,
            OnOverdue::Wait => End::Never,
        }
    }
}

/// What *watch* asks of *stopper*, one bit each: to be asked twice before it is done is to be asked once.
pub(crate) mod request {
    /// Stop the root, for the signal that came first.
    pub(crate) const STOP: u32 = 1;
    /// Drive the root, whose body does not come home.
    pub(crate) const DRIVE: u32 = 2;
    /// Some deadline or shield is due.
    pub(crate) const EXPIRE: u32 = 4;
    /// Say again who is overdue.
    pub(crate) const WARN: u32 = 8;
}

pub(crate) struct Shared {
    /// The process's own, for ever: a handler may still be on its way to it when the registry is over.
    pub(crate) wake_pipe: &'static WakePipe,
    pub(crate) settings: Settings,
    pub(crate) clock: RootClock,
    pub(crate) root: OnceCell<Arc<ScopeCore>>,
    requests: AtomicU32,
    /// *stopper* is in the program's code.
    occupied: AtomicBool,
    /// The kernel's timer goes by a stop that was announced, and not by the clock of the root.
    /// Pairs with `must_arm_again`.
    provisional: AtomicBool,
    /// The first signal that asked for a stop; 0 before.
    signal: AtomicI32,
    work_items: Mutex<VecDeque<WorkItem>>,
    /// Told of every request and work. Pairs with the sleep of *stopper*.
    pub(crate) changes: EventCount,
    /// Which of the two have begun.
    started: Flags,
    /// The root is closed: *watch* may go.
    over: AtomicBool,
}

/// The internal threads, as flags.
pub(crate) const WATCH: u32 = 1;
pub(crate) const STOPPER: u32 = 2;

impl Shared {
    pub(crate) fn new(settings: Settings) -> std::io::Result<Arc<Shared>> {
        let stops = settings.taken.iter().copied();
        let stops: Vec<_> =
            stops.filter(|number| matches!(settings.signals.meaning(*number), Some(Meaning::Stop))).collect();
        // In this order: if a handler of the run before is still on its way, and its message is forgotten here, then what it has armed
        // is forgotten next. Its message stays if it comes later, and *watch* obeys it.
        let wake_pipe = WakePipe::of_process()?;
        last::prepare(settings.end(), &stops, settings.grace.saturating_add(settings.kill_after));
        Ok(Arc::new(Shared {
            wake_pipe,
            settings,
            clock: RootClock::new(),
            root: OnceCell::new(),
            requests: AtomicU32::new(0),
            occupied: AtomicBool::new(false),
            provisional: AtomicBool::new(false),
            signal: AtomicI32::new(0),
            work_items: Mutex::default(),
            changes: EventCount::default(),
            started: Flags::new(0),
            over: AtomicBool::new(false),
        }))
    }

    /// One of the two has begun, and needs no lock of the allocator or the loader any more to do what it must. Pairs with
    /// `wait_for_start`.
    pub(crate) fn has_started(&self, who: u32) {
        self.started.set(who);
        self.started.wake();
    }

    /// Blocks until both have: before any code of the program's runs, which may get stuck with such a lock held.
    pub(crate) fn wait_for_start(&self) {
        [WATCH, STOPPER].into_iter().for_each(|who| self.started.sleep_while(who, 0, None));
    }

    pub(crate) fn dismiss(&self) {
        self.over.store(true, Ordering::Release);
        self.wake_pipe.wake();
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// The kernel's timer ends the process if nobody has some time after the end of the grace.
    pub(crate) fn arm(&self, deadline: Instant) {
        last::arm(self.last_moment(deadline), self.settings.end());
    }

    /// The process was suspended meanwhile, or what a signal handler took for a second signal is none.
    pub(crate) fn arm_again(&self, deadline: Instant) {
        last::postpone(self.last_moment(deadline), self.settings.end());
    }

    /// For *watch*: the clock of the root has begun, and the kernel's timer may not go by it. A
    /// `shutdown` may have got more time from it than a stop that was announced at the same moment.
    pub(crate) fn must_arm_again(&self) -> bool {
        self.clock.began().is_some() && self.provisional.swap(false, Ordering::AcqRel)
    }

    /// By the clock of the system.
    fn last_moment(&self, deadline: Instant) -> Instant {
        after(after(awake::system(deadline), self.settings.kill_after), SPARE)
    }

    /// For *watch*. Pairs with `take_requests`.
    pub(crate) fn request(&self, what: u32) {
        self.requests.fetch_or(what, Ordering::SeqCst);
        self.changes.notify();
    }

    pub(crate) fn request_stop(&self, signal: i32) {
        let _another_was_first = self.signal.compare_exchange(0, signal, Ordering::AcqRel, Ordering::Acquire);
        self.request(request::STOP);
    }

    /// For *stopper*, and for *watch* while that is occupied: those of `which`.
    pub(crate) fn take_requests(&self, which: u32) -> u32 {
        self.requests.fetch_and(!which, Ordering::SeqCst) & which
    }

    /// For *stopper*: it enters the program's code, or has left it. False if there is a request that it does not know of yet.
    pub(crate) fn set_occupied(&self, is: bool) -> bool {
        self.occupied.store(is, Ordering::SeqCst);
        self.requests.load(Ordering::SeqCst) == 0
    }

    /// For *watch*, after a request.
    pub(crate) fn is_occupied(&self) -> bool {
        self.occupied.load(Ordering::SeqCst)
    }

    pub(crate) fn signal(&self) -> i32 {
        self.signal.load(Ordering::Acquire)
    }

    pub(crate) fn next_work_item(&self) -> Option<WorkItem> {
        self.work_items.lock().pop_front()
    }
}

impl RootHost for Shared {
    fn timers_changed(&self) {
        self.wake_pipe.wake();
    }

    fn stop_announced(&self, end: Instant) {
        if self.clock.began().is_some() || !self.clock.announce(end) {
            return;
        }
        awake::begin();
        self.arm(end);
        // In this order: *watch*, which is woken by this or by `clock_moved`, sees the flag when
        // the timer has been armed.
        self.provisional.store(true, Ordering::Release);
        self.wake_pipe.wake();
    }

    fn clock_moved(&self, clock: &Clock) {
        self.clock.set(clock);
        if clock.began.is_some() {
            awake::begin();
            last::began();
        }
        if let Some(deadline) = clock.deadline(None) {
            self.arm(deadline);
        }
        self.wake_pipe.wake();
    }

    fn dispatch(&self, work: WorkItem) {
        self.work_items.lock().push_back(work);
        self.wake_stopper();
    }

    /// Pairs with the wait of `stopper`, which reads the epoch before it looks.
    fn wake_stopper(&self) {
        self.changes.notify();
    }

    fn foreign(&self) -> Vec<ForeignThread> {
        audit::foreign()
    }
}

/// The clock of the root as *watch* reads it: without the root's lock, whose holder may be stuck.
pub(crate) struct RootClock {
    base: Instant,
    /// The end of the grace by the first stop that was announced. It holds until the clock has
    /// begun: the thread that announced the stop may never get the root's lock.
    announced: AtomicU64,
    began: AtomicU64,
    deadline: AtomicU64,
    users_due: AtomicU64,
}

impl RootClock {
    fn new() -> RootClock {
        let [announced, began, deadline, users_due] = [0; 4].map(AtomicU64::new);
        RootClock { base: awake::now(), announced, began, deadline, users_due }
    }

    /// Under the root's lock: by one at a time.
    fn set(&self, clock: &Clock) {
        let set = |word: &AtomicU64, at: Option<Instant>| {
            word.store(at.map_or(0, |at| self.word(at)), Ordering::Release);
        };
        set(&self.deadline, clock.deadline(None));
        set(&self.users_due, clock.workers_due(None));
        set(&self.began, clock.began);
    }

    /// True for the first.
    fn announce(&self, end: Instant) -> bool {
        self.announced.compare_exchange(0, self.word(end), Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn word(&self, at: Instant) -> u64 {
        let nanos = at.saturating_duration_since(self.base).as_nanos().saturating_add(1);
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }

    fn get(&self, word: &AtomicU64) -> Option<Instant> {
        let nanos = word.load(Ordering::Acquire).checked_sub(1)?;
        Some(after(self.base, Duration::from_nanos(nanos)))
    }

    pub(crate) fn began(&self) -> Option<Instant> {
        self.get(&self.began)
    }

    /// The end of the grace; before the clock has begun, that of a stop which was announced.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.get(&self.deadline).or_else(|| self.get(&self.announced))
    }

    pub(crate) fn users_due(&self) -> Option<Instant> {
        self.get(&self.users_due)
    }
}

/// Writes to stderr, and says whether all of it was taken.
pub(crate) fn say(text: &str, patience: Duration) -> bool {
    sys::write_stderr(text.as_bytes(), patience) == 0
}

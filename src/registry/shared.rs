//! Owns what the two internal threads of a registry share with each other and with the root: the
//! clock of the root, requests of *watch* to *stopper*, work items of other threads.
//! Refuses to allocate, and to wait for a lock, where *watch* uses it. The list of work items has a
//! lock, and is for other threads.

use std::collections::VecDeque;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::outcome::status::outside::ForeignThread;
use crate::outcome::status::stack::Stacks;
use crate::registry::audit;
use crate::registry::dump_to::DumpFile;
use crate::registry::file_thread::FileThread;
use crate::registry::health::doom::Doom;
use crate::registry::notify::manager::{Manager, not_told};
use crate::registry::root_clock::RootClock;
use crate::registry::settings::{SPARE, Settings};
use crate::registry::signal_settings::Meaning;
use crate::registry::waker::Waker;
use crate::rt::awake;
use crate::rt::event_count::EventCount;
use crate::rt::flags::Flags;
use crate::rt::result::Result;
use crate::rt::time::after;
use crate::sync::locks::Mutex;
use crate::sys::probe_file::ProbeFile;
use crate::sys::{self, WakePipe, last};
use crate::tree::core::ScopeCore;
use crate::tree::grace::Clock;
use crate::tree::root::{RootHost, Said, WorkItem};
use once_cell::sync::OnceCell;

/// Requests of *watch* to *stopper*, one bit each: a request that is made twice before it is
/// answered is answered once.
pub(crate) mod request {
    /// Stop the root, for the first signal.
    pub(crate) const STOP: u32 = 1;
    /// Drive the root, because its body does not come home.
    pub(crate) const DRIVE: u32 = 2;
    /// A deadline or shield is due.
    pub(crate) const EXPIRE: u32 = 4;
    /// Warn again of the overdue threads.
    pub(crate) const WARN: u32 = 8;
    /// Wake the threads that wait for the notice.
    pub(crate) const DRAIN: u32 = 16;
    /// Tell the service manager which threads are waited for, and remove the probe file.
    pub(crate) const TELL: u32 = 32;
    /// Say on the terminal which threads the stop waits for.
    pub(crate) const LINE: u32 = 64;
}

pub(crate) struct Shared {
    /// Wakes *watch*.
    pub(crate) waker: Arc<Waker>,
    pub(crate) settings: Settings,
    /// The file for dumps, if there is one.
    pub(crate) dump_file: DumpFile,
    /// True if stderr is a terminal.
    pub(crate) has_terminal: bool,
    pub(crate) clock: RootClock,
    pub(crate) root: OnceCell<Arc<ScopeCore>>,
    /// The end because a thread is stuck.
    pub(crate) doom: Doom,
    /// Bits of [`request`]. Set by *watch*, taken by *stopper*, or by *watch* in its stead.
    requests: AtomicU32,
    /// True while *watch* writes a dump. Used by *watch* alone.
    dumping: AtomicBool,
    /// True while *stopper* is in the program's code. Written by *stopper*, read by *watch*.
    occupied: AtomicBool,
    /// Counts the stays of *stopper* in the program's code. Written by *stopper*, read by *watch*.
    stays: AtomicU32,
    /// True if *stopper* is stuck there. Written by *watch*.
    stopper_stuck: AtomicBool,
    /// The kernel's timer goes by a stop that was announced, and not by the clock of the root.
    /// Pairs with `must_arm_again`.
    provisional: AtomicBool,
    /// The number of the first signal that asked for a stop; 0 before.
    signal: AtomicI32,
    work_items: Mutex<VecDeque<WorkItem>>,
    /// Counts requests and work items. *stopper* sleeps on it, woken by `request` and
    /// `wake_stopper`.
    pub(crate) changes: EventCount,
    /// Which of the two threads have begun: `WATCH`, `STOPPER`.
    started: Flags,
    /// True when the root is closed, so that *watch* may end. Set by `dismiss`, read by *watch*.
    over: AtomicBool,
    /// The service manager, if there is one to tell.
    pub(crate) manager: Option<Manager>,
    pub(crate) probe: Option<Arc<ProbeFile>>,
    /// Writes to `dump_file`. Started if there is one.
    pub(crate) dump_thread: FileThread,
    /// Removes `probe`. Started if there is one.
    pub(crate) probe_thread: FileThread,
    /// True if the end has come a step further since *watch* looked. Pairs with `take_step`.
    pub(crate) stepped: AtomicBool,
}

/// The internal threads, as flags.
pub(crate) const WATCH: u32 = 1;
pub(crate) const STOPPER: u32 = 2;

impl Shared {
    pub(crate) fn new(settings: Settings, dump_file: DumpFile) -> Result<Arc<Shared>> {
        let probe = settings.probe_file.as_deref().map(|path| {
            let with_path = |error| format!("the probe file {} cannot be made: {error}", path.display());
            ProbeFile::prepare(path).map(Arc::new).map_err(with_path)
        });
        let probe = probe.transpose()?;
        let stops = settings.taken.iter().copied();
        let stops: Vec<_> =
            stops.filter(|number| matches!(settings.signals.meaning(*number), Some(Meaning::Stop))).collect();
        // In this order. If a handler of the run before is still on its way, and its message is
        // forgotten here, then the timer that it has armed is forgotten next. If its message comes
        // later, the message stays, and *watch* obeys it.
        let pipe = WakePipe::of_process().map_err(|error| format!("no pipe to be woken by: {error}"))?;
        let limit = settings.grace.saturating_add(settings.kill_after);
        last::prepare(settings.end(), &stops, limit, settings.drain_notice);
        let (manager, refused) = match Manager::open(&settings.notify) {
            Ok(manager) => (manager, None),
            Err(error) => (None, Some(error)),
        };
        let shared = Arc::new(Shared {
            waker: Arc::new(Waker::new(pipe)),
            settings,
            dump_file,
            has_terminal: std::io::stderr().is_terminal(),
            clock: RootClock::new(),
            root: OnceCell::new(),
            doom: Doom::default(),
            requests: AtomicU32::new(0),
            dumping: AtomicBool::new(false),
            occupied: AtomicBool::new(false),
            stays: AtomicU32::new(0),
            stopper_stuck: AtomicBool::new(false),
            provisional: AtomicBool::new(false),
            signal: AtomicI32::new(0),
            work_items: Mutex::default(),
            changes: EventCount::default(),
            started: Flags::new(0),
            over: AtomicBool::new(false),
            manager,
            probe,
            dump_thread: FileThread::default(),
            probe_thread: FileThread::default(),
            stepped: AtomicBool::new(false),
        });
        refused.into_iter().for_each(|error| shared.dispatch(WorkItem::Call(not_told(error))));
        Ok(shared)
    }

    /// Says that a thread has begun, and needs no lock of the allocator or the loader any more for
    /// its work. Pairs with `wait_for_start`.
    pub(crate) fn has_started(&self, who: u32) {
        self.started.set(who);
        self.started.wake();
    }

    /// Blocks until both threads have begun: before any code of the program's runs, because that
    /// may get stuck with such a lock held. Pairs with `has_started`.
    pub(crate) fn wait_for_start(&self) {
        [WATCH, STOPPER].into_iter().for_each(|who| self.started.sleep_while(who, 0, None));
    }

    /// Lets *watch* end. The flag first: *watch* looks at it after each wake-up. Pairs with
    /// `is_over`.
    pub(crate) fn dismiss(&self) {
        self.over.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// For *watch*, before each sleep. Pairs with `dismiss`.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Arms the kernel's timer, which ends the process some time after the end of the grace, if
    /// nothing has ended it before. The earliest moment holds.
    pub(crate) fn arm(&self, deadline: Instant) {
        last::arm(self.last_moment(deadline), self.settings.end());
    }

    /// Arms the kernel's timer anew, also for a later moment: the process was suspended meanwhile,
    /// or what a signal handler took for a second signal was none.
    /// `due` is what *watch* knows of the timer: an earlier end that was armed since stays.
    pub(crate) fn arm_again(&self, deadline: Instant, due: u64) {
        last::postpone(self.last_moment(deadline), self.settings.end(), due);
    }

    /// For *watch*: true if the clock of the root has begun, and the kernel's timer may go by an
    /// announced stop instead. A stop is announced with the grace of the settings, before its clock
    /// begins. A `shutdown` that begins the clock at the same moment may have asked for more time.
    /// Pairs with `stop_announced`.
    pub(crate) fn must_arm_again(&self) -> bool {
        self.clock.began().is_some() && self.provisional.swap(false, Ordering::AcqRel)
    }

    /// The moment of the kernel's timer, by the clock of the system.
    fn last_moment(&self, deadline: Instant) -> Instant {
        after(after(awake::system(deadline), self.settings.kill_after), SPARE)
    }

    /// For *watch*: makes a request, then wakes *stopper*. Pairs with `take_requests`.
    pub(crate) fn request(&self, what: u32) {
        self.requests.fetch_or(what, Ordering::SeqCst);
        self.changes.notify();
    }

    /// For *watch*: asks for a stop for this signal. The signal first, because *stopper* reads it
    /// after the request.
    pub(crate) fn request_stop(&self, signal: i32) {
        // Zero to the first signal, once: a later signal does not change the reason of the stop.
        let _another_was_first = self.signal.compare_exchange(0, signal, Ordering::AcqRel, Ordering::Acquire);
        self.request(request::STOP);
    }

    /// For *stopper*, and for *watch* in its stead: takes the requests among `which`. In one step,
    /// so that one of the two answers each request. Pairs with `request`.
    pub(crate) fn take_requests(&self, which: u32) -> u32 {
        self.requests.fetch_and(!which, Ordering::SeqCst) & which
    }

    /// For *stopper*: enters the program's code, or has left it. False if a request is waiting.
    /// Stores first and loads second, SeqCst; pairs with `request`, then `is_occupied`, which do so
    /// the other way round: at least one of the two sees what the other did.
    pub(crate) fn set_occupied(&self, is: bool) -> bool {
        self.stays.fetch_add(u32::from(is), Ordering::Relaxed);
        self.occupied.store(is, Ordering::SeqCst);
        self.requests.load(Ordering::SeqCst) == 0
    }

    /// For *watch*, after a request. Pairs with `set_occupied`.
    pub(crate) fn is_occupied(&self) -> bool {
        self.occupied.load(Ordering::SeqCst)
    }

    /// True if a thread is *stuck* now, by the last health look.
    pub(crate) fn is_any_stuck(&self) -> bool {
        let stopper = self.stopper_stuck.load(Ordering::Acquire);
        stopper || self.root.get().is_some_and(|core| core.root.board.is_any_stuck())
    }

    /// For *watch*: the number of the present stay of *stopper* in the program's code.
    pub(crate) fn stay(&self) -> Option<u32> {
        // Relaxed: a number that is behind makes *watch* start anew, one look later.
        self.is_occupied().then(|| self.stays.load(Ordering::Relaxed))
    }

    pub(crate) fn set_stopper_stuck(&self, is: bool) {
        self.stopper_stuck.store(is, Ordering::Release);
    }

    /// For *watch*.
    pub(crate) fn set_dumping(&self, is: bool) {
        self.dumping.store(is, Ordering::Relaxed);
    }

    /// For *watch*: true while it writes a dump.
    pub(crate) fn is_dumping(&self) -> bool {
        self.dumping.load(Ordering::Relaxed)
    }

    pub(crate) fn signal(&self) -> i32 {
        self.signal.load(Ordering::Acquire)
    }

    pub(crate) fn next_work_item(&self) -> Option<WorkItem> {
        self.work_items.lock().pop_front()
    }
}

impl RootHost for Shared {
    fn said(&self, what: Said) -> bool {
        self.pass_on(what)
    }

    fn stepped(&self) {
        self.note_step();
    }

    fn timers_changed(&self) {
        self.waker.wake();
    }

    fn stop_announced(&self, end: Instant, is_asked_for: bool) {
        // A clock that has begun has passed the true deadline (`clock_moved`).
        if self.clock.began().is_some() || !self.clock.announce(end, is_asked_for) {
            return;
        }
        self.say_stopping();
        // The beat first: from here on a suspension must be noticed, because the timer below goes
        // by the clock of the system.
        awake::begin();
        self.arm(end);
        // In this order: *watch*, which is woken by this or by `clock_moved`, sees the flag only
        // when the timer has been armed. Pairs with `must_arm_again`.
        self.provisional.store(true, Ordering::Release);
        self.waker.wake();
    }

    fn clock_moved(&self, clock: &Clock) {
        // First for *watch*, which reads these words, and then for the kernel's timer; the wake-up
        // is last, so that *watch* finds both.
        self.clock.set(clock);
        if clock.began.is_some() {
            self.say_stopping();
            awake::begin();
            last::began();
        }
        if let Some(deadline) = clock.deadline(None) {
            self.arm(deadline);
        }
        self.waker.wake();
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

    fn stacks(&self) -> Option<Stacks> {
        self.settings.stacks
    }
}

/// Writes to stderr. True if all of it was taken within `patience`.
pub(crate) fn say(text: &str, patience: Duration) -> bool {
    sys::write_stderr(text.as_bytes(), patience) == 0
}

//! Owns the soak: random trees for as long as is said, and after each of them nothing is left.
//! Refuses to know what a tree is made of: `tree` does. Run by `ci/soak.sh`.
//!
//! `soak SECONDS [SEED]` prints a line a minute and a verdict; the exit code tells: 0 if all was well.
#![allow(clippy::unit_arg)] // `Ok(drop(..))` reads well as the last word of a closure

mod tree;

use std::fs;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded, tick};
use homebound::registry::Registry;
use homebound::{Signals, scope};

use tree::{Dice, StateLock};

/// How long one tree may take before it counts as hung.
const HUNG: Duration = Duration::from_secs(60);
/// How long the kernel may list a joined thread, or a descriptor of the other look, at most.
const LINGERS: Duration = Duration::from_secs(5);
/// What memory may grow by after the warm-up: the allocator's arenas and their holes.
const GROWTH_KIB: usize = 32 * 1024;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

extern "C" fn interrupt(_: i32) {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

/// What the kernel says of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    threads: usize,
    descriptors: usize,
    resident_kib: usize,
}

impl Seen {
    fn now() -> Seen {
        let count = |folder| fs::read_dir(folder).map_or(0, Iterator::count);
        let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0);
        Seen {
            threads: count("/proc/self/task"),
            descriptors: count("/proc/self/fd"),
            resident_kib: pages * 4,
        }
    }
}

/// What one tree has come to.
struct Report {
    ran: usize,
    failed: bool,
    wrong: Option<String>,
}

/// Runs the tree of one seed; one in eight under a registry, with its internal threads and its handlers.
fn one(seed: u64, base: Seen) -> Report {
    let books = Arc::new(StateLock::default());
    let result = match seed % 8 {
        0 => {
            let registry = Registry::new("soak").signals(Signals::none());
            registry.run(|s| tree::root(s, Dice(seed), &books)).into_result()
        }
        _ => scope(|s| tree::root(s, Dice(seed), &books)),
    };
    let (held, raised) = (books.held.load(Ordering::SeqCst), books.raised.load(Ordering::SeqCst));
    let listed = result.as_ref().err().map_or(0, |error| error.failures().len());
    let start = Instant::now();
    let mut now = Seen::now();
    // The other thread of the soak may be looking, too, which takes a descriptor.
    while (now.threads, now.descriptors) != (base.threads, base.descriptors) && start.elapsed() < LINGERS {
        std::thread::yield_now();
        now = Seen::now();
    }
    let wrong = if held != 0 {
        Some(format!("{held} closures are not dropped"))
    } else if (raised > 0) != (listed > 0) {
        Some(format!("{raised} failures raised, {listed} listed: {result:?}"))
    } else if now.threads != base.threads {
        Some(format!("{} threads, {} before", now.threads, base.threads))
    } else if now.descriptors != base.descriptors {
        Some(format!("{} descriptors, {} before", now.descriptors, base.descriptors))
    } else {
        None
    };
    Report { ran: books.ran.load(Ordering::SeqCst), failed: listed > 0, wrong }
}

fn trees(from: u64, tell: &Sender<(u64, Report)>, go_on: &AtomicBool) {
    // The alarm's pipe is made once in a process.
    let _made = Registry::new("soak").signals(Signals::none()).run(|_| Ok(())).code();
    let base = Seen::now();
    let mut seed = from;
    while go_on.load(Ordering::Relaxed) {
        let report = one(seed, base);
        let wrong = report.wrong.is_some();
        if tell.send((seed, report)).is_err() || wrong {
            return;
        }
        seed = seed.wrapping_add(1);
    }
}

#[derive(Default)]
struct Totals {
    trees: u64,
    threads: usize,
    failed: u64,
    most_kib: usize,
    warm: Option<Seen>,
    wrong: Option<String>,
}

impl Totals {
    fn add(&mut self, seed: u64, report: Report) {
        self.trees += 1;
        self.threads += report.ran;
        self.failed += u64::from(report.failed);
        self.wrong = report.wrong.map(|wrong| format!("seed {seed}: {wrong}"));
    }

    /// Looks at the memory; the first look after the warm-up is the base.
    fn look(&mut self, warm: bool) {
        let now = Seen::now();
        self.most_kib = self.most_kib.max(now.resident_kib);
        if warm {
            let base = *self.warm.get_or_insert(now);
            if now.resident_kib > base.resident_kib + GROWTH_KIB {
                let (now, base) = (now.resident_kib, base.resident_kib);
                self.wrong = Some(format!("{now} KiB resident, {base} KiB after the warm-up"));
            }
        }
    }

    fn line(&self, start: Instant) {
        let (now, Totals { trees, threads, failed, .. }) = (Seen::now(), self);
        println!(
            "{:6} s  {trees} trees ({failed} failed, as they should)  {threads} closures ran  {} KiB  {} descriptors  {} threads now",
            start.elapsed().as_secs(),
            now.resident_kib,
            now.descriptors,
            now.threads,
        );
    }
}

fn watch(limit: Duration, from: u64) -> Totals {
    let (tell, told) = bounded(1000);
    let go_on = Arc::new(AtomicBool::new(true));
    let worker = {
        let go_on = go_on.clone();
        std::thread::spawn(move || trees(from, &tell, &go_on))
    };
    let (start, minutes) = (Instant::now(), tick(Duration::from_secs(60)));
    let warm_up = (limit / 10).max(Duration::from_secs(20));
    let mut totals = Totals::default();
    loop {
        match told.recv_timeout(HUNG) {
            Ok((seed, report)) => totals.add(seed, report),
            Err(RecvTimeoutError::Timeout) => {
                let seed = from.wrapping_add(totals.trees);
                totals.wrong = Some(format!("seed {seed} hangs\n{}", homebound::registry::dump_status()));
                return totals;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if totals.trees % 100 == 0 {
            totals.look(start.elapsed() > warm_up);
        }
        if minutes.try_recv().is_ok() {
            totals.line(start);
        }
        if start.elapsed() > limit || INTERRUPTED.load(Ordering::Relaxed) || totals.wrong.is_some() {
            go_on.store(false, Ordering::Relaxed);
            break;
        }
    }
    drop(told);
    if worker.join().is_err() && totals.wrong.is_none() {
        totals.wrong = Some("the soak itself panicked".to_owned());
    }
    totals.line(start);
    totals
}

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1).map(|word| word.parse::<u64>().ok());
    let seconds = words.next().flatten().unwrap_or(3600);
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| now.as_secs());
    let seed = words.next().flatten().unwrap_or(clock << 20);
    println!("soak: {seconds} s, seed {seed}");
    #[allow(unsafe_code)]
    // SAFETY: the handler stores to an atomic, and nothing else.
    unsafe {
        libc::signal(libc::SIGINT, interrupt as *const () as libc::sighandler_t)
    };
    // Panics are part of the trees.
    std::panic::set_hook(Box::new(|info| {
        let text = info.payload().downcast_ref::<&str>().copied().unwrap_or("of the tree's");
        if !text.contains("of the tree's") {
            eprintln!("{info}");
        }
    }));
    let totals = watch(Duration::from_secs(seconds), seed);
    match totals.wrong {
        None => {
            println!("verdict: well; {} trees, at most {} KiB resident", totals.trees, totals.most_kib);
            ExitCode::SUCCESS
        }
        Some(wrong) => {
            println!("verdict: NOT well: {wrong}");
            ExitCode::FAILURE
        }
    }
}

//! Owns the soak: threads that never hold still, captured back to back for so many seconds.
//! Refuses to take a stack for right: each thread says how deep it is, and what was read must
//! agree.
//!
//! `ci/stacks-soak.sh` runs it. It ends with 1 if a stack was wrong and not marked, if a thread
//! that sleeps saw `EINTR`, or if a signal's answer belonged to another request.
#![cfg_attr(not(target_os = "linux"), allow(unused))]

#[path = "../tests/common/mod.rs"]
mod common;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use common::sys;
use homebound_stacks::{How, NotCaptured, Stack, Stacks, Way, thread_id};

const MOVERS: usize = 12;

/// The depth of a thread, as the thread says it. Odd: the thread is at this depth. Even: the thread
/// is on its way.
#[derive(Default)]
struct Said {
    sequence: AtomicU64,
    depth: AtomicU32,
}

#[inline(never)]
fn nest(left: u32, at_the_end: &mut dyn FnMut()) {
    if left == 0 {
        at_the_end();
    } else {
        nest(left - 1, at_the_end);
    }
    std::hint::black_box(left);
}

/// Numbers without a pattern that a thread's own sleeps would have.
struct Random(u32);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 8
    }
}

/// Goes up and down and to sleep, for ever.
fn moves(seed: u32, said: &Said) {
    let mut random = Random(seed);
    let pair = (Mutex::new(()), Condvar::new());
    let mut is_deaf = false;
    loop {
        let (depth, what) = (random.next() % 40, random.next() % 6);
        let pause = Duration::from_micros((random.next() % 200).into());
        if random.next() % 64 == 0 {
            is_deaf = !is_deaf;
            sys::set_deaf(is_deaf);
        }
        said.depth.store(depth, Ordering::Relaxed);
        nest(depth, &mut || {
            said.sequence.fetch_add(1, Ordering::SeqCst);
            match what {
                0 => drop(pair.1.wait_timeout(pair.0.lock().unwrap(), pause)),
                1 => std::thread::park_timeout(pause),
                2 => drop(sys::nanosleep_for(pause)),
                3 => drop(sys::poll_for(pause)),
                4 => (0..pause.as_micros() * 20).for_each(|n| common::ended(std::hint::black_box(n))),
                _ => std::thread::yield_now(),
            }
            said.sequence.fetch_add(1, Ordering::SeqCst);
        });
    }
}

/// Counts of the captures, by outcome.
#[derive(Default)]
struct Tally {
    counts: BTreeMap<&'static str, u64>,
    wrong: Vec<String>,
    last_cut: Option<String>,
    is_nest: HashMap<u64, bool>,
}

impl Tally {
    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// Whether this frame is one of `nest`.
    fn is_nest(&mut self, stacks: &Stacks, stack: &Stack) -> u32 {
        if stack.addresses().iter().any(|address| !self.is_nest.contains_key(address)) {
            let names = stacks.names(std::slice::from_ref(stack));
            for frame in stack.frames() {
                let is_nest = names.function(&frame).is_some_and(|name| name.ends_with("soak::nest"));
                self.is_nest.insert(frame.address, is_nest);
            }
        }
        stack.addresses().iter().filter(|address| self.is_nest[address]).count() as u32
    }

    fn judge(&mut self, stacks: &Stacks, stack: &Stack, outermost: u64, depth: Option<u32>) {
        self.count(if stack.how == How::Asleep { "asleep" } else { "by signal" });
        if stack.frames().any(|frame| frame.is_guess) {
            return self.count("guessed, and marked");
        }
        if let Some(cut) = stack.cut {
            let names = stacks.names(std::slice::from_ref(stack));
            self.last_cut = Some(format!("{cut}, {:?}\n{:#}", stack.how, names.show(stack)));
            return self.count("cut, and marked");
        }
        let nests = self.is_nest(stacks, stack);
        let is_whole = stack.addresses().last() == Some(&outermost);
        let is_deep = depth.is_none_or(|depth| nests == depth + 1);
        self.count(if depth.is_some() { "compared with what the thread said" } else { "moved meanwhile" });
        if !is_whole || !is_deep {
            let names = stacks.names(std::slice::from_ref(stack));
            self.wrong.push(format!(
                "{:?}, said {depth:?}, {nests} found\n{:#}",
                stack.how,
                names.show(stack)
            ));
        }
    }
}

struct Mover {
    tid: i32,
    said: Arc<Said>,
}

fn watch(movers: &[Mover], victims: &[i32], outermost: u64, seed: u32, end: Instant) -> Tally {
    let (mut stacks, mut tally, mut random) = (Stacks::new().unwrap(), Tally::default(), Random(seed));
    while Instant::now() < end && tally.wrong.len() < 10 {
        for mover in movers {
            let way = if random.next() % 2 == 0 { Way::Asleep } else { Way::Signal };
            // Many are too late on purpose.
            let within = Duration::from_micros([0, 5, 50, 10_000][random.next() as usize % 4]);
            let before = mover.said.sequence.load(Ordering::SeqCst);
            let captured = stacks.capture(mover.tid, way, within);
            fence(Ordering::SeqCst);
            let depth = mover.said.depth.load(Ordering::SeqCst);
            let is_still = before % 2 == 1 && mover.said.sequence.load(Ordering::SeqCst) == before;
            match captured {
                Ok(stack) => tally.judge(&stacks, &stack, outermost, is_still.then_some(depth)),
                Err(reason) => tally.count(name(reason)),
            }
        }
        for tid in victims {
            match stacks.capture(*tid, Way::Signal, Duration::from_millis(100)) {
                Ok(stack) if stack.how == How::Asleep => tally.judge(&stacks, &stack, outermost, None),
                other => tally.wrong.push(format!("a thread that sleeps: {other:?}")),
            }
        }
        // Threads that are as good as gone.
        let tid = common::start(|| {});
        match stacks.capture(tid, Way::Signal, Duration::from_micros(20)) {
            Ok(stack) => tally.judge(&stacks, &stack, outermost, None),
            Err(reason) => tally.count(name(reason)),
        }
    }
    tally
}

fn name(reason: NotCaptured) -> &'static str {
    match reason {
        NotCaptured::Running => "no stack: running",
        NotCaptured::Gone => "no stack: gone",
        NotCaptured::NoStack => "no stack: ending",
        NotCaptured::Blocked => "no stack: blocked",
        NotCaptured::Outstanding => "no stack: outstanding",
        NotCaptured::Busy => "no stack: busy",
        NotCaptured::TooLate => "no stack: too late",
        _ => "no stack: another reason",
    }
}

fn main() {
    let seconds = std::env::args().nth(1).map_or(3600, |text| text.parse().expect("a number of seconds"));
    let movers: Vec<_> = (0..MOVERS)
        .map(|place| {
            let said = Arc::new(Said::default());
            let own = said.clone();
            Mover { tid: common::start(move || moves(place as u32, &own)), said }
        })
        .collect();
    let woken = Arc::new(AtomicU64::new(0));
    type Sleep = fn() -> i32;
    let sleeps: [(&str, Sleep); 4] = [
        ("poll", sys::poll_for_ever),
        ("pause", sys::pause),
        ("nanosleep", sys::nanosleep),
        ("epoll_wait", sys::epoll),
    ];
    let victims = sleeps.map(|(call, sleep)| {
        let woken = woken.clone();
        common::start(move || {
            sleep();
            println!("{call} returned");
            woken.fetch_add(1, Ordering::Relaxed);
        })
    });
    let mut stacks = Stacks::new().unwrap();
    let is_in_sleep =
        |_: &Stacks, stack: &Stack| stack.call.is_some_and(|call| call.number != libc::SYS_futex as u64);
    // All threads begin at one place of the C library.
    let ends = victims.map(|tid| *common::asleep(&mut stacks, tid, is_in_sleep).addresses().last().unwrap());
    assert!(ends.iter().all(|end| *end == ends[0]));
    let end = Instant::now() + Duration::from_secs(seconds);
    let tallies = std::thread::scope(|scope| {
        let watchers = [1, 2].map(|seed| {
            scope.spawn({
                let (movers, victims) = (&movers, &victims);
                move || watch(movers, victims, ends[0], seed, end)
            })
        });
        watchers.map(|watcher| watcher.join().unwrap())
    });
    let woken = woken.load(Ordering::Relaxed);
    let wrong: Vec<_> = tallies.iter().flat_map(|tally| &tally.wrong).collect();
    let mut sum = BTreeMap::<_, u64>::new();
    for (what, count) in tallies.iter().flat_map(|tally| &tally.counts) {
        *sum.entry(what).or_default() += count;
    }
    sum.into_iter().for_each(|(what, count)| println!("{count:>12} {what}"));
    println!("{:>12} wrong and not marked\n{woken:>12} sleeping threads that saw EINTR", wrong.len());
    tallies
        .iter()
        .filter_map(|tally| tally.last_cut.as_ref())
        .for_each(|cut| println!("the last cut: {cut}"));
    wrong.iter().for_each(|wrong| println!("{wrong}"));
    println!("watched by thread {} for {seconds} s", thread_id());
    std::process::exit(i32::from(!wrong.is_empty() || woken != 0));
}

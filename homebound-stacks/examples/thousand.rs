//! Owns the measurement of a dump: all stacks of a thousand sleeping threads, as text.
//! Refuses to send a signal. A number is how many threads there are instead; with `--gdb` it also
//! lets gdb make a dump of this process.
//!
//! ```sh
//! cargo run --release -p homebound-stacks --example thousand -- --gdb
//! ```
#![cfg_attr(not(target_os = "linux"), allow(unused))]

#[path = "../tests/common/mod.rs"]
mod common;

use std::fmt::Write;
use std::fs::File;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use common::sys;
use homebound_stacks::{Cut, Stack, Stacks, Way, threads};

const LONG: Duration = Duration::from_secs(10);

#[inline(never)]
fn deep(levels: u32, sleep: &dyn Fn()) {
    if levels == 0 {
        sleep();
    } else {
        deep(levels - 1, sleep);
    }
    std::hint::black_box(levels);
}

/// Starts the threads, in eight sorts of sleep, five functions deep. `woken` counts those that a
/// signal woke.
fn start(threads: usize, woken: &Arc<AtomicU64>) {
    let lock = Arc::new((Mutex::new(()), Condvar::new()));
    let held = lock.clone();
    let begun = Arc::new(std::sync::Barrier::new(2));
    let is_held = begun.clone();
    common::start(move || {
        let _guard = held.0.lock();
        is_held.wait();
        sys::pause();
    });
    begun.wait();
    for place in 1..threads {
        let (lock, woken) = (lock.clone(), woken.clone());
        let sleep = move || {
            match place % 8 {
                0 => drop(lock.0.lock()),
                1 => drop(lock.1.wait(Mutex::new(()).lock().unwrap())),
                2 => std::thread::park(),
                3 => drop(sys::futex(&AtomicU32::new(0))),
                4 => drop(sys::nanosleep()),
                5 => drop(sys::poll_for_ever()),
                6 => drop(sys::pause()),
                _ => drop(sys::epoll()),
            }
            woken.fetch_add(1, Ordering::Relaxed);
        };
        common::start(move || deep(5, &sleep));
    }
}

/// From nothing to the text.
fn dump() -> (String, Vec<Stack>) {
    let begun = Instant::now();
    let mut stacks = Stacks::new().unwrap();
    let tids = threads().unwrap();
    let all: Vec<_> =
        tids.into_iter().filter_map(|tid| stacks.capture(tid, Way::Asleep, LONG).ok()).collect();
    let captured = begun.elapsed();
    let names = stacks.names(&all);
    let named = begun.elapsed();
    let mut text = String::new();
    for stack in &all {
        writeln!(text, "thread {}: {}\n{:#}", stack.tid, names.show(stack), names.show(stack)).unwrap();
    }
    println!("captured after {captured:?}, named after {named:?}, text after {:?}", begun.elapsed());
    (text, all)
}

fn resident_kib() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4
}

/// The processor time of the calling thread: on a machine with other work the clock tells of that.
fn computed() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

fn main() {
    let woken = Arc::new(AtomicU64::new(0));
    let threads = std::env::args().find_map(|text| text.parse().ok()).unwrap_or(1000);
    start(threads, &woken);
    // All sleep, except for this one.
    while dump().1.len() < threads {}
    let before = resident_kib();
    let mut times = Vec::new();
    for _ in 0..3 {
        let (begun, computing) = (Instant::now(), computed());
        let (text, all) = dump();
        times.push(begun.elapsed());
        let computing = computed() - computing;
        let cut: Vec<Cut> = all.iter().filter_map(|stack| stack.cut).collect();
        println!("{} stacks, {} cut, {} bytes of text", all.len(), cut.len(), text.len());
        println!("took {:?}, of which it computed {computing:?}", times.last().unwrap());
    }
    times.sort();
    println!("median {:?}; resident +{} KiB", times[1], resident_kib().saturating_sub(before));
    println!("threads that were woken: {}", woken.load(Ordering::Relaxed));
    if std::env::args().any(|argument| argument == "--gdb") {
        gdb();
    }
}

fn gdb() {
    sys::allow_every_tracer();
    let mut times = Vec::new();
    for _ in 0..3 {
        let begun = Instant::now();
        let pid = std::process::id().to_string();
        let mut gdb = Command::new("gdb");
        gdb.args(["--nx", "--batch", "-p", &pid, "-ex", "thread apply all bt"]).env("DEBUGINFOD_URLS", "");
        // Into a file, since this process is stopped meanwhile and would not read from a pipe.
        let path = std::env::temp_dir().join(format!("homebound-stacks-{pid}.txt"));
        let text = File::create(&path).expect("a temporary file");
        gdb.stdout(text).stderr(Stdio::null()).status().expect("gdb is installed");
        times.push(begun.elapsed());
        println!("gdb: {} bytes of text, {:?}", path.metadata().map_or(0, |file| file.len()), times.last());
        let _it_is_gone_at_the_next_boot = std::fs::remove_file(path);
    }
    times.sort();
    println!("gdb: median {:?}", times[1]);
}

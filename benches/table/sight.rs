//! Owns the rows of stacks, T14, and of the look at a whole registry, T15.
//! Refuses to end a thread by a signal: each that a look has woken fails the row.
#![allow(clippy::incompatible_msrv)] // benches are built with a newer Rust than the library asks for
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::fs::File;
use std::hint::black_box;
use std::io::PipeReader;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use homebound::{Context, Examine, Registry, Scope, Stacks, registry};
use rustix::event::{PollFd, PollFlags, poll};

use crate::measure::{Plan, in_turns, turn};
use crate::row::{Goal, Row};
use crate::stop::settle;

/// Sleeping threads of T14.
const SLEEPERS: usize = 1000;
/// Far more than a look takes.
const LONG: Duration = Duration::from_secs(60);

pub(crate) fn t14(plan: &Plan) -> Vec<Row> {
    let threads = plan.of(SLEEPERS);
    let sides = among_sleepers(threads, |scope| {
        let look = Examine::new().stacks(Stacks::Asleep).within(LONG);
        let ours =
            in_turns(plan.rounds, vec![turn("homebound", || millis(|| look_at(scope, look, threads)))]);
        // gdb takes seconds, in which the whole program stands still.
        let gdb = in_turns(plan.rounds.min(3), vec![turn("gdb -p, all bt", || millis(gdb))]);
        [ours, gdb].concat()
    });
    let what = format!("stacks of {threads} sleeping threads, as text");
    vec![
        Row::pair("T14", what, "ms", &sides[..1], Goal::Most(100.0)),
        Row::pair("", "  against gdb, in which the program stands still", "ms", &sides, Goal::None),
    ]
}

pub(crate) fn t15(plan: &Plan) -> Vec<Row> {
    let threads = plan.of(10_000);
    let up = AtomicUsize::new(0);
    let exit = Registry::new("bench").run(|scope| {
        for _ in 0..threads {
            scope.spawn("blocked", "waits for the stop", |cx| {
                up.fetch_add(1, Ordering::Release);
                Ok(drop(cx.wait_for_stop()))
            })?;
        }
        settle(&up, threads);
        let look = || millis(|| drop(black_box(registry::snapshot())));
        let sides = in_turns(plan.times(3), vec![turn("homebound", look)]);
        scope.stop();
        Ok(sides)
    });
    let sides = exit.into_result().expect("nothing fails");
    let what = format!("snapshot of a registry of {threads} threads, audit included");
    vec![Row::pair("T15", what, "ms", &sides, Goal::Most(25.0))]
}

fn millis(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e3
}

/// The look and its text.
fn look_at(scope: &Scope<'_, '_>, look: Examine, threads: usize) {
    let snapshot = scope.examine(look);
    let whole = snapshot.root.threads.iter().filter_map(|row| row.stack.as_ref());
    assert_eq!(whole.filter(|stack| stack.whole).count(), threads, "each thread that sleeps has its stack");
    let stacks = snapshot.root.threads.iter().filter_map(|row| row.stack.as_ref());
    let text: String = stacks.map(|stack| format!("{stack}\n{stack:#}")).collect();
    black_box((text, snapshot.to_string()));
}

/// Lets gdb write the stacks of this process into a file, because this process cannot read a pipe
/// meanwhile.
fn gdb() {
    let pid = std::process::id().to_string();
    let path = std::env::temp_dir().join(format!("homebound-bench-{pid}.txt"));
    let mut gdb = Command::new("gdb");
    gdb.args(["--nx", "--batch", "-p", &pid, "-ex", "thread apply all bt"]).env("DEBUGINFOD_URLS", "");
    let text = File::create(&path).expect("a temporary file");
    let _it_may_be_missing = gdb.stdout(text).stderr(Stdio::null()).status();
    let _it_is_gone_at_the_next_boot = std::fs::remove_file(path);
}

/// What the sleepers of a root wait for.
struct Waits {
    up: AtomicUsize,
    held: Mutex<()>,
    over: Mutex<bool>,
    is_over: Condvar,
    pipe: PipeReader,
}

/// A root with this many threads in four sorts of sleep, each five functions deep.
fn among_sleepers<T>(threads: usize, body: impl for<'scope> FnOnce(&'scope Scope<'scope, '_>) -> T) -> T {
    let (pipe, end) = std::io::pipe().expect("descriptors are left");
    let (up, held, over) = (AtomicUsize::new(0), Mutex::new(()), Mutex::new(false));
    let waits = Waits { up, held, over, is_over: Condvar::new(), pipe };
    homebound::scope(|scope| {
        let holds = waits.held.lock().expect("nobody panics");
        for place in 0..threads {
            let waits = &waits;
            scope.spawn("sleeper", "sleeps", move |cx| Ok(deep(5, &|| sleep(cx, place, waits))))?;
        }
        settle(&waits.up, threads);
        let value = body(scope);
        drop((holds, end));
        *waits.over.lock().expect("nobody panics") = true;
        waits.is_over.notify_all();
        scope.stop();
        Ok(value)
    })
    .expect("no thread was woken by a signal")
}

#[inline(never)]
fn deep(levels: u32, sleep: &dyn Fn()) {
    if levels == 0 {
        sleep();
    } else {
        deep(levels - 1, sleep);
    }
    black_box(levels);
}

fn sleep(cx: &Context, place: usize, waits: &Waits) {
    waits.up.fetch_add(1, Ordering::Release);
    match place % 4 {
        0 => drop(waits.held.lock()),
        1 => {
            let over = waits.over.lock().expect("nobody panics");
            drop(waits.is_over.wait_while(over, |over| !*over));
        }
        2 => drop(cx.wait_for_stop()),
        // Any signal would end this one.
        _ => {
            let woken = poll(&mut [PollFd::new(&waits.pipe, PollFlags::IN)], None);
            assert_eq!(woken, Ok(1), "the end of the pipe has woken it");
        }
    }
}

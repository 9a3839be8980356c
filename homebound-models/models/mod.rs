//! Owns the running of models: each is tried in every order of its threads' steps that the bounds
//! allow, and prints how many orders those were.
//! Refuses to be in a build for users, and to test code that no model runs.
//!
//! `ci/models.sh` runs all of them, and shows that each finds the bugs that were planted for it.

#[cfg(homebound_loom)]
mod books;
#[cfg(homebound_loom)]
mod cache;
#[cfg(homebound_loom)]
mod interrupt;
#[cfg(homebound_loom)]
mod latch;
#[cfg(homebound_loom)]
mod limit;
#[cfg(homebound_loom)]
mod lists;
#[cfg(homebound_loom)]
mod maker;
#[cfg(homebound_loom)]
mod packet;
#[cfg(homebound_loom)]
mod pool;
#[cfg(homebound_loom)]
mod ready;
#[cfg(homebound_loom)]
mod source;
#[cfg(homebound_loom)]
mod stop;
#[cfg(homebound_loom)]
mod wakeups;

#[cfg(homebound_shuttle)]
mod joined;
#[cfg(homebound_shuttle)]
mod scopes;
#[cfg(homebound_shuttle)]
mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Steps in one order. A model that takes more does not end.
#[cfg(homebound_loom)]
const STEPS: usize = 50_000;

/// The time for one model, unless `LOOM_MAX_DURATION` sets another. The output says if it was too
/// short for all orders.
#[cfg(homebound_loom)]
const TIME: Duration = Duration::from_secs(240);

/// Runs `model` in every order of steps in which at most `preemptions` times, or
/// `LOOM_MAX_PREEMPTIONS` times, a thread that could go on is made to wait for others.
#[cfg(homebound_loom)]
fn explore(name: &str, preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    let bound = *builder.preemption_bound.get_or_insert(preemptions);
    let limit = *builder.max_duration.get_or_insert(TIME);
    builder.max_branches = STEPS;
    let start = Instant::now();
    counted(name, model, |model| {
        builder.check(model);
        let all = if start.elapsed() < limit { "all" } else { "not all" };
        format!("{all} with {bound} preemptions")
    });
}

/// Orders of steps that shuttle tries for each model and scheduler, unless `HOMEBOUND_MODEL_RUNS`
/// sets another number.
#[cfg(homebound_shuttle)]
const RUNS: usize = 2_000;

/// Places at which PCT changes the running thread. It finds a bug that needs no more changes than
/// this with a known probability.
#[cfg(homebound_shuttle)]
const DEPTH: usize = 3;

/// Runs `model` in many orders of steps: half of them by chance, half as the PCT scheduler chooses.
#[cfg(homebound_shuttle)]
fn explore(name: &str, model: impl Fn() + Send + Sync + 'static) {
    let runs = std::env::var("HOMEBOUND_MODEL_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS);
    counted(name, model, |model| {
        let model = Arc::new(model);
        let again = Arc::clone(&model);
        shuttle::check_random(move || model(), runs);
        shuttle::check_pct(move || again(), runs, DEPTH);
        "half by chance, half by PCT".to_owned()
    });
}

type Counted = Box<dyn Fn() + Send + Sync>;

/// Prints how many orders were tried, in how many seconds, and how they were chosen. `ci/models.sh`
/// reads the line.
fn counted(name: &str, model: impl Fn() + Send + Sync + 'static, check: impl FnOnce(Counted) -> String) {
    let runs = Arc::new(AtomicU64::new(0));
    let run = Arc::clone(&runs);
    let start = Instant::now();
    let which = check(Box::new(move || {
        run.fetch_add(1, Ordering::Relaxed);
        model();
    }));
    tell(name, runs.load(Ordering::Relaxed), start.elapsed(), &which);
}

fn tell(name: &str, runs: u64, spent: Duration, which: &str) {
    eprintln!("model {name} {runs} {:.1} {which}", spent.as_secs_f64());
}

//! Owns the search for the point at which a program does not stop well: it runs the program again
//! and again, and plants a stop, a panic or a refusal one point later each time.
//! Refuses to know how a point is met (`Probe` does) and what the program is for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use homebound::for_testing::{Ended, Hit, Probe, ProbedRoot, write_stderr};
use homebound::{Context, Result, Scope};

use crate::leaks::NoLeaks;
use crate::trouble::{Everywhere, Planted, Trouble, Wrong, place};

/// Runs a program again and again: first unchanged, then with a stop requested at its first wait or
/// checkpoint, at its second, and so on, until a run ends before the planned point; then with a
/// panic in these places, then with each of its spawns refused in turn. Every run has to come home:
/// in time, with a clean report, and with no thread left behind.
///
/// A point is a wait (`recv`, `send`, `sleep`, a tick, `join`, ..), a `checkpoint`, an
/// `is_stopping` or a `stop_signal`, of any thread of the program. The order of points among
/// threads varies, so only a program of one thread is repeatable to the letter. [`StopEverywhere`]
/// has settings.
///
/// ```
/// use homebound_testing::stop_everywhere;
/// use homebound::{Result, Scope};
///
/// fn app<'scope>(scope: &'scope Scope<'scope, '_>) -> Result {
///     let (tell, numbers) = crossbeam_channel::bounded(1);
///     scope.spawn("source", "counts to five", move |cx| {
///         for number in 0..5 {
///             cx.send(&tell, number)?;
///         }
///         Ok(())
///     })?;
///     let sum: i32 = scope.context().iter(&numbers).sum();
///     assert!(sum <= 10);
///     Ok(())
/// }
///
/// let done = stop_everywhere(|scope| app(scope)).unwrap();
/// assert!(done.stops >= 10, "{done}");
/// assert_eq!(done.refusals, 1);
/// ```
///
/// # Errors
/// The first trouble: the planted event and its place, the thread, and the fault that followed.
///
/// # Blocking
/// If a run does not end, this call does not end either, because no thread can be killed. Then
/// stderr says where the run hangs.
pub fn stop_everywhere<'env, T, F>(app: F) -> Result<Everywhere, Trouble>
where
    F: for<'scope> Fn(&'scope Scope<'scope, 'env>) -> Result<T>,
{
    StopEverywhere::new().run(app)
}

/// [`stop_everywhere`] with settings.
#[derive(Debug, Clone)]
#[must_use = "nothing runs until .run(app)"]
pub struct StopEverywhere {
    limit: Duration,
    quiet: Duration,
    most: usize,
    leaks: NoLeaks,
}

impl Default for StopEverywhere {
    fn default() -> Self {
        let (limit, quiet) = (Duration::from_secs(5), Duration::from_millis(300));
        StopEverywhere { limit, quiet, most: 1000, leaks: NoLeaks::new() }
    }
}

impl StopEverywhere {
    /// A stop may take 5 s. A program in which nothing happens for 300 ms is stopped. At most 1,000
    /// points of each kind are tried.
    pub fn new() -> StopEverywhere {
        StopEverywhere::default()
    }

    /// How long a stop may take until all threads are home. It is also the grace of the run: a
    /// thread that needs longer is overdue.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// If a run meets no point for this long, it waits for its stop like a daemon. It is stopped,
    /// and this counts as its end.
    pub fn quiet(mut self, quiet: Duration) -> Self {
        self.quiet = quiet;
        self
    }

    /// How many points of each kind are tried: the first half of that many one by one, the others
    /// evenly over the rest.
    pub fn at_most(mut self, points: usize) -> Self {
        self.most = points.max(2);
        self
    }

    /// How the check looks for threads that are left behind.
    pub fn leaks(mut self, leaks: NoLeaks) -> Self {
        self.leaks = leaks;
        self
    }

    /// Runs the program; see [`stop_everywhere`].
    ///
    /// # Errors
    /// As in [`stop_everywhere`].
    pub fn run<'env, T, F>(&self, app: F) -> Result<Everywhere, Trouble>
    where
        F: for<'scope> Fn(&'scope Scope<'scope, 'env>) -> Result<T>,
    {
        let plain = self.one(&app, Planted::Nothing, 0, self.quiet)?;
        // A program that ended by itself must do so in later runs too. There, quiet is trouble.
        let quiet = if plain.was_quiet { self.quiet } else { self.limit };
        let tried = |planted, foreseen| self.each(&app, planted, foreseen, quiet, plain.was_quiet);
        let stops = tried(Planted::Stop, plain.points)?;
        let panics = tried(Planted::Panic, plain.points)?;
        let refusals = tried(Planted::Refusal, plain.spawns)?;
        Ok(Everywhere { points: plain.points, spawns: plain.spawns, stops, panics, refusals })
    }

    /// Plants at the first place, the second, .., until a run ends before the place. Returns the
    /// number of planted events.
    fn each<'env, T>(
        &self,
        app: &impl for<'scope> Fn(&'scope Scope<'scope, 'env>) -> Result<T>,
        planted: Planted,
        foreseen: usize,
        quiet: Duration,
        may_be_quiet: bool,
    ) -> Result<usize, Trouble> {
        let (mut count, mut k) = (0, 1);
        loop {
            let run = self.one(app, planted, k, quiet)?;
            if run.was_quiet && !may_be_quiet {
                return Err(Trouble::new(planted, k, run.hit, Wrong::Stuck(quiet)));
            }
            count += usize::from(run.hit.is_some());
            // By chance a run may have fewer points than the first run.
            if run.hit.is_none() && k >= foreseen {
                return Ok(count);
            }
            k += self.stride(k, foreseen);
        }
    }

    fn stride(&self, k: usize, foreseen: usize) -> usize {
        let half = self.most / 2;
        let rest = foreseen.saturating_sub(half);
        if k < half { 1 } else { rest.div_ceil(half).max(1) }
    }

    fn one<'env, T>(
        &self,
        app: &impl for<'scope> Fn(&'scope Scope<'scope, 'env>) -> Result<T>,
        planted: Planted,
        k: usize,
        quiet: Duration,
    ) -> Result<Run, Trouble> {
        let probe = Arc::new(Probe::new(planted.seed(), k));
        let was_quiet = AtomicBool::new(false);
        let checked = self.leaks.clone().check(|| {
            let root = ProbedRoot::open(self.limit, Arc::clone(&probe));
            let ended = self.watched(&root, &probe, app, (quiet, &was_quiet));
            (ended, Instant::now())
        });
        let wrong = match checked {
            Err(leaks) => Some(Wrong::Leaked(leaks)),
            Ok((ended, end)) => {
                // The limit is for stops only. After a panic or a refusal the program may go on.
                let stop = probe.hit().filter(|_| planted == Planted::Stop);
                let took = stop.map(|hit| end.saturating_duration_since(hit.when));
                self.judge(ended, planted, took)
            }
        };
        match wrong {
            None => Ok(Run {
                hit: probe.hit().cloned(),
                points: probe.points(),
                spawns: probe.spawns(),
                was_quiet: was_quiet.into_inner(),
            }),
            Some(wrong) => Err(Trouble::new(planted, k, probe.hit().cloned(), wrong)),
        }
    }

    /// Runs the program beside a thread that stops it if nothing happens any more, and prints the
    /// tree if the run hangs.
    fn watched<'env, T>(
        &self,
        root: &ProbedRoot,
        probe: &Probe,
        app: &impl for<'scope> Fn(&'scope Scope<'scope, 'env>) -> Result<T>,
        quiet: (Duration, &AtomicBool),
    ) -> Ended {
        let mut ended = None;
        let outcome = homebound::scope(|around| {
            around.service("stop_everywhere", "stops a run in which nothing happens", |cx| {
                self.watch(cx, root, probe, quiet)
            })?;
            ended = Some(root.run(|scope| app(scope)));
            Ok(())
        });
        match ended {
            Some(ended) => ended,
            // The watching thread was refused. The program runs without it.
            None => {
                drop(outcome);
                root.run(|scope| app(scope))
            }
        }
    }

    fn watch(
        &self,
        cx: &Context,
        root: &ProbedRoot,
        probe: &Probe,
        (quiet, was_quiet): (Duration, &AtomicBool),
    ) -> Result {
        let met = || probe.points() + probe.spawns();
        let mut before = met();
        while !root.is_stopping() {
            cx.sleep(quiet)?;
            let now = met();
            if now == before && !root.is_stopping() {
                was_quiet.store(true, Ordering::Relaxed);
                root.stop();
            }
            before = now;
        }
        // Twice the limit, because threads are told at the limit that they are overdue, and may
        // still come home.
        cx.sleep(self.limit.saturating_mul(2))?;
        let hint = probe.hit().map_or_else(|| "the end".to_owned(), place);
        let text = format!("homebound: a run does not end after {hint}:\n{}\n", root.snapshot());
        write_stderr(text.as_bytes(), Duration::from_secs(1));
        Ok(())
    }

    fn judge(&self, ended: Ended, planted: Planted, took: Option<Duration>) -> Option<Wrong> {
        let Ended { panic, verdict } = ended;
        let report = match &verdict {
            Ok(report) => report,
            Err(error) => error.report(),
        };
        if report.timeout > 0 {
            return Some(Wrong::Overdue(report.clone()));
        }
        if let Some(took) = took.filter(|took| *took > self.limit) {
            return Some(Wrong::Late(took));
        }
        // A planted panic or refusal is a failure, and other threads may fail because of it. A stop
        // is no reason to fail.
        if matches!(planted, Planted::Panic | Planted::Refusal) {
            return None;
        }
        let failed = || verdict.err().filter(|error| error.first().is_some()).map(Wrong::Failed);
        panic.map(Wrong::Panicked).or_else(failed)
    }
}

struct Run {
    hit: Option<Hit>,
    points: usize,
    spawns: usize,
    /// The run was stopped because nothing happened any more.
    was_quiet: bool,
}

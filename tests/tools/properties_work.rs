//! Random trees whose threads call pools, maps, races, restarts and supervisors: whatever stops,
//! deadlines, panics and groups are around, these keep what they promise, and so does the tree.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::{NEVER, within_for};
use homebound::{Context, JoinError, Race, Restart, Result, Scope};
use homebound_testing::{LIMIT, Tree};
use parking_lot::Mutex;
use proptest::prelude::*;

/// About eight seconds of them, in a debug build on two slow cores.
const CASES: u32 = 400;
/// The kind of step that calls the code below, and how many steps of others stand between two.
const CALL: u8 = 31;
const BETWEEN: usize = 3;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn work_keeps_its_promises_in_every_tree(bytes in proptest::collection::vec(any::<u8>(), 16..160)) {
        let mut bytes = bytes;
        bytes.iter_mut().step_by(4).skip(1).step_by(BETWEEN).for_each(|kind| *kind = CALL);
        let tree = Tree::from_bytes(&bytes);
        let oracle = Arc::new(Oracle::default());
        let code = Arc::clone(&oracle);
        let observed = within_for(LIMIT + Duration::from_secs(20), move || {
            tree.run_with(move |cx| {
                code.call(cx);
                Ok(())
            })
        });
        prop_assert!(observed.check().is_ok(), "{}\n{:#?}", observed.check().unwrap_err(), observed.events);
        let broken = oracle.broken.lock();
        prop_assert!(broken.is_empty(), "{broken:?} in {}", observed.tree);
    }
}

fn config() -> ProptestConfig {
    let told = std::env::var_os("PROPTEST_CASES").is_some();
    let default = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if told { default } else { ProptestConfig { cases: CASES, ..default } }
}

/// What the calls of one run have found, and how many there were.
#[derive(Default)]
struct Oracle {
    calls: AtomicUsize,
    broken: Mutex<Vec<String>>,
}

/// How many closures of one piece of work run now, and at most.
#[derive(Default)]
struct Running {
    now: AtomicUsize,
    most: AtomicUsize,
    begun: AtomicUsize,
}

/// While it lives, a closure runs.
struct Runs<'a>(&'a Running);

impl Running {
    fn enter(&self) -> Runs<'_> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.most.fetch_max(self.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        Runs(self)
    }
}

impl Drop for Runs<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Oracle {
    fn call(&self, cx: &Context) {
        let running = Running::default();
        let (kind, width) = match self.calls.fetch_add(1, Ordering::SeqCst) % 5 {
            0 => ("map", self.map(cx, &running)),
            1 => ("race", self.race(cx, &running)),
            2 => ("pool", self.pool(cx, &running)),
            3 => ("restart", self.restart(cx, &running)),
            _ => ("supervisor", self.supervisor(cx, &running)),
        };
        // All of it is home when the call returns.
        self.holds(running.now.load(Ordering::SeqCst) == 0, kind, &"something still runs");
        let most = running.most.load(Ordering::SeqCst);
        self.holds(most <= width, kind, &format!("{most} at once, {width} allowed"));
    }

    fn holds(&self, is: bool, kind: &str, why: &dyn Debug) {
        if !is {
            self.broken.lock().push(format!("{kind}: {why:?}"));
        }
    }

    /// In the order of the items, two at a time; half of it only because of a stop.
    fn map(&self, cx: &Context, running: &Running) -> usize {
        let squares = cx.map("square", "squares", 2, 0..5_u64, |cx, n| {
            let _runs = running.enter();
            cx.checkpoint()?;
            Ok(n * n)
        });
        match squares {
            Ok(squares) => self.holds(squares == [0, 1, 4, 9, 16], "map", &squares),
            Err(error) => self.holds(error.stop_reason().is_some(), "map", &error),
        }
        2
    }

    /// The first success; the loser hears the stop.
    fn race(&self, cx: &Context, running: &Running) -> usize {
        let race = Race::new()
            .add("quick", "wins", |cx: &Context| {
                let _runs = running.enter();
                cx.sleep(Duration::ZERO)?;
                Ok(1)
            })
            .add("slow", "loses", |cx: &Context| {
                let _runs = running.enter();
                cx.sleep(NEVER)?;
                Ok(2)
            });
        match cx.race("race", race) {
            Ok(winner) => self.holds(winner == 1, "race", &winner),
            Err(error) => self.holds(cx.is_stopping(), "race", &error),
        }
        2
    }

    /// Each job that was taken begins once, unless a stop came.
    fn pool(&self, cx: &Context, running: &Running) -> usize {
        let taken = AtomicUsize::new(0);
        let all = cx.subscope("crew", |s| self.jobs(s, running, &taken));
        let (begun, taken) = (running.begun.load(Ordering::SeqCst), taken.into_inner());
        self.holds(begun <= taken, "pool", &format!("{begun} begun of {taken}"));
        match all {
            Ok(()) => self.holds(begun == 5, "pool", &format!("{begun} begun, and no stop")),
            Err(error) => self.holds(error.stop_reason().is_some(), "pool", &error),
        }
        2
    }

    fn jobs<'s>(&self, s: &'s Scope<'s, '_>, running: &'s Running, taken: &AtomicUsize) -> Result {
        let pool = s.pool("crew", "adds").threads(2).queue(2).start()?;
        for n in 0..5_u64 {
            // Counted before, because a job may begin at once.
            taken.fetch_add(1, Ordering::SeqCst);
            pool.execute(s.context(), move |cx| {
                let _runs = running.enter();
                let _stopped = cx.sleep(Duration::from_micros(n));
                Ok(())
            })?;
        }
        pool.wait_idle(s.context())?;
        let status = pool.status();
        self.holds(status.done == 5 && status.dropped == 0, "pool", &status);
        Ok(pool.close()?)
    }

    /// One run at a time, numbered from 1, again after a failure, and not after a stop.
    fn restart(&self, cx: &Context, running: &Running) -> usize {
        let runs = Mutex::new(Vec::new());
        let last = cx.subscope("restarts", |s| {
            let policy = Restart::on_failure().no_backoff().give_up_after(9);
            let flaky = s.thread("flaky", "fails twice").restart(policy).spawn(|cx| {
                let _runs = running.enter();
                runs.lock().push((cx.run_number(), cx.is_stopping()));
                if cx.run_number() < 3 { Err("not yet")? } else { Ok(cx.run_number()) }
            })?;
            match flaky.join() {
                Ok(run) => Ok(run),
                Err(error @ JoinError::Stopped(_)) => Err(error.into()),
                // A failure that the stop kept from being answered.
                Err(error) => Err(error.into()),
            }
        });
        let runs = runs.into_inner();
        let in_order = runs.iter().zip(1..).all(|((run, _), number)| *run == number);
        self.holds(in_order, "restart", &runs);
        let born_stopped = runs.iter().skip(1).filter(|(_, stopping)| *stopping).count();
        self.holds(born_stopped <= 1, "restart", &runs);
        match last {
            Ok(run) => self.holds(run == 3 && runs.len() == 3, "restart", &runs),
            Err(error) => self.holds(cx.is_stopping(), "restart", &(error, runs)),
        }
        1
    }

    /// One run of a child at a time; all are home when the scope returns.
    fn supervisor(&self, cx: &Context, running: &Running) -> usize {
        let kept = cx.subscope("kept", |s| {
            let policy = Restart::on_failure().no_backoff();
            let keeper = s.supervisor("keeper", "keeps one").restart(policy);
            let keeper = keeper.child("child", "fails once", |cx| {
                let _runs = running.enter();
                if cx.run_number() == 1 { Err("not yet")? } else { Ok(cx.sleep(NEVER)?) }
            });
            let keeper = keeper.start()?;
            keeper.stop();
            Ok(())
        });
        // The first run may end after the stop: then its failure has no answer.
        drop(kept);
        1
    }
}

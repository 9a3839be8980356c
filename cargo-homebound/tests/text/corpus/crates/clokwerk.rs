// In the manner of clokwerk, timer and scheduled-thread-pool: schedulers.
use homebound::Scope;
use parking_lot::{Condvar, Mutex};
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

struct Shared {
    jobs: Mutex<BinaryHeap<Job>>,
    cvar: Condvar,
    shutdown: AtomicBool,
}

impl Shared {
    fn next(&self) -> Option<Job> {
        let mut jobs = self.jobs.lock();
        loop {
            if self.shutdown.load(Ordering::Relaxed) {
                return None;
            }
            match jobs.peek().map(|job| job.due) {
                Some(due) if due <= Instant::now() => return jobs.pop(),
                Some(due) => drop(self.cvar.wait_until(&mut jobs, due)), //~ deaf-wait
                None => self.cvar.wait(&mut jobs), //~ deaf-wait
            }
        }
    }
}

fn start<'s>(scope: &'s Scope<'s, '_>, shared: Arc<Shared>) -> homebound::Result {
    scope.spawn("scheduler", "runs jobs when they are due", move |cx| {
        while let Some(job) = shared.next() {
            job.run(cx)?;
        }
        Ok(())
    })?;
    Ok(())
}

fn watch_thread(mut me: Scheduler, frequency: Duration) -> Handle {
    let stop = Arc::new(AtomicBool::new(false));
    let my_stop = stop.clone();
    let handle = thread::spawn(move || { //~ raw-thread
        while !my_stop.load(Ordering::SeqCst) {
            me.run_pending();
            thread::sleep(frequency); //~ polled-stop
        }
    });
    Handle { stop, handle }
}

fn watch<'s>(scope: &'s Scope<'s, '_>, mut me: Scheduler, frequency: Duration) -> homebound::Result {
    scope.service("jobs", "...", move |cx| { //~ blank-purpose
        loop {
            me.run_pending();
            if cx.sleep(frequency).is_err() { //~ none
                break;
            }
        }
        Ok(())
    })?;
    Ok(())
}

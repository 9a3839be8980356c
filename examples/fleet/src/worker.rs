//! One process of the fleet: a supervisor with workers that take one job after another, until the
//! process is told to stop.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use homebound::registry::{Exit, Registry};
use homebound::work::{Child, Restart};
use homebound::{Context, Result};
use postgres::NoTls;

use crate::limits::{GRACE, IDLE, KILL_AFTER, SHIELD};
use crate::queue::{Desk, Job, Task};

/// No attempt has this number.
const NONE: i64 = 0;

/// Runs the process. It says `ready` and later `stopping` on its standard output.
pub fn run(folder: &Path, name: &str, workers: usize) -> Exit<()> {
    Registry::new("fleet-worker").grace(GRACE).kill_after(KILL_AFTER).run(|scope| {
        // A server that is away for a while ends the runs of all workers; they come back with it.
        let patient =
            Restart::on_failure().backoff(Duration::from_millis(100), Duration::from_secs(1)).for_ever();
        let mut crew = scope.supervisor("crew", "keeps the workers alive").restart(patient);
        for number in 1..=workers {
            let interrupted = AtomicI64::new(NONE);
            let child = Child::new(format!("worker-{number}"), "takes jobs and does them", move |cx| {
                let mut desk = Desk::open(folder, format!("{name}/{number}"))?;
                desk.forget(interrupted.load(Relaxed))?;
                interrupted.store(NONE, Relaxed);
                work(cx, desk, &interrupted)
            });
            crew = crew.add(child.ready_within(Duration::from_secs(5)));
        }
        crew.start()?;
        say("ready");
        scope.context().wait_for_stop();
        say("stopping");
        Ok(())
    })
}

/// The life of one worker: a job in hand at a time, and none in reserve. `interrupted` is the
/// attempt that the server's failure has ended, for the next run of the worker to take back.
fn work(cx: &Context, mut desk: Desk, interrupted: &AtomicI64) -> Result {
    cx.ready();
    loop {
        // Stop taking first ..
        cx.checkpoint()?;
        // .. and finish the job in hand. At the end of the shield its query is cancelled.
        let token = desk.cancel_token();
        let found = cx.shield(SHIELD, |shield| {
            let cancel = move || drop(token.cancel_query(NoTls));
            shield.with_on_stop(cancel, || one_job(cx, shield, &mut desk, interrupted))
        })?;
        if !found {
            cx.sleep(IDLE)?;
        }
    }
}

/// Takes a job and ends it. False if there was none. `cx` hears the stop at once, `shield` when
/// there is no more time for the job.
fn one_job(cx: &Context, shield: &Context, desk: &mut Desk, interrupted: &AtomicI64) -> Result<bool> {
    let Some((job, mut task)) = desk.take()? else { return Ok(false) };
    cx.note(format!("job {} ({})", job.id, job.kind));
    let attempt = task.count(&job)?;
    if attempt.is_one_too_many() {
        task.give_up(&job)?;
        return Ok(true);
    }
    let ended = perform(cx, shield, &job, &mut task).and_then(|end| match end {
        End::Done => task.done(&job).map(|()| true),
        End::Saved(progress) => task.put_off(&job, progress).map(|()| false),
    });
    // The task is over. If it was not committed, the job is ready for another worker now.
    match ended {
        Ok(true) => {}
        Ok(false) => desk.forget(attempt.id)?,
        // No time is left.
        Err(_) if shield.is_stopping() => {
            desk.forget(attempt.id)?;
            shield.checkpoint()?;
        }
        // The connection is of no use any more. The supervisor starts this worker anew, with pauses
        // that grow.
        Err(error) if desk.is_servers_fault(&error) => {
            interrupted.store(attempt.id, Relaxed);
            return Err(error);
        }
        // The job's own fault, and not the worker's. The attempt has been counted.
        Err(error) => eprintln!("job {}: {error}", job.id),
    }
    cx.note("");
    Ok(true)
}

/// How a job has ended that did not fail.
enum End {
    Done,
    /// A stop came, and as many steps are done.
    Saved(i32),
}

/// Does the job.
fn perform(cx: &Context, shield: &Context, job: &Job, task: &mut Task<'_>) -> Result<End> {
    match &*job.kind {
        "sleep" => {
            shield.sleep(Duration::from_millis(job.amount.unsigned_abs().into()))?;
            task.add_result(job, 0)?;
        }
        "query" => {
            task.query_for(f64::from(job.amount) / 1000.0)?;
            task.add_result(job, 0)?;
        }
        // Longer than the grace: it saves its progress when the stop comes.
        "steps" => {
            for step in job.progress..job.amount {
                if cx.is_stopping() {
                    return Ok(End::Saved(step));
                }
                shield.sleep(Duration::from_millis(100))?;
                task.add_result(job, step)?;
            }
        }
        "fail" => Err("the job's data make no sense")?,
        "panic" => panic!("job {} is poison", job.id),
        // What a fault in C code does: the process is gone at once.
        "abort" => std::process::abort(),
        other => Err(format!("no job is of the kind {other}"))?,
    }
    Ok(End::Done)
}

/// Writes a line to standard output. The reader may be gone, which is no failure of this process.
fn say(line: &str) {
    let _closed = writeln!(std::io::stdout(), "{line}").and_then(|()| std::io::stdout().flush());
}

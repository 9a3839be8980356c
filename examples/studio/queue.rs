//! Owns the job queue and the workers that empty it.
//! Refuses to know where jobs come from, and how a thumbnail is made.

use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};
use homebound::{Context, Handle, Result, Scope};

use crate::options::AtStop;
use crate::pictures::Picture;
use crate::stages::Stage;
use crate::studio::Studio;
use crate::tally::{Problem, Ticket};
use crate::text::shown;
use crate::thumbs::{self, Unmade};

/// So many jobs may wait per worker. Whoever makes jobs faster has to wait: that is the back-pressure.
const JOBS_PER_WORKER: usize = 4;

pub struct Job<'a> {
    pub picture: Picture,
    pub ticket: Ticket<'a>,
}

pub fn channel<'a>(workers: usize) -> (Sender<Job<'a>>, Receiver<Job<'a>>) {
    bounded(workers * JOBS_PER_WORKER)
}

/// One worker per stage. They end by themselves when the queue is empty and nobody is left to fill it.
pub fn start<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    studio: &'env Studio,
    jobs: Receiver<Job<'env>>,
) -> Result<Vec<Handle<'scope, ()>>> {
    let mut workers = Vec::new();
    for stage in &studio.worker_stages {
        let jobs = jobs.clone();
        workers.push(scope.spawn(stage.name.clone(), "makes thumbnails of queued pictures", move |cx| {
            work(cx, studio, stage, &jobs);
            Ok(())
        })?);
    }
    Ok(workers)
}

fn work(cx: &Context, studio: &Studio, stage: &Stage, jobs: &Receiver<Job<'_>>) {
    match studio.options.at_stop {
        AtStop::Drain => drain(cx, studio, stage, jobs),
        // After a stop: finishes the picture in hand. The tickets of the others count themselves.
        AtStop::Drop => cx.iter(jobs).for_each(|job| settle(cx, studio, stage, job)),
    }
}

/// After a stop: goes on until the queue is empty, or half of the grace is over. The other half is for the
/// picture in hand: a worker that used up all of it would come home too late, if only by that picture.
fn drain(cx: &Context, studio: &Studio, stage: &Stage, jobs: &Receiver<Job<'_>>) {
    let mut last_call = None;
    for job in cx.drain(jobs) {
        if cx.is_stopping() {
            let now = Instant::now();
            if now >= *last_call.get_or_insert(now + studio.options.grace / 2) {
                return;
            }
        }
        settle(cx, studio, stage, job);
    }
}

fn settle(cx: &Context, studio: &Studio, stage: &Stage, job: Job<'_>) {
    let Job { picture, ticket } = job;
    let busy = stage.begin(shown(&picture.name), "starting");
    studio.faults.at_start(cx, &picture.path, &studio.console);
    match thumbs::make(cx, studio, &picture, &busy) {
        Ok(thumb) => {
            studio.sheet.add(thumb);
            ticket.made();
        }
        Err(Unmade::Picture(reason)) => {
            studio.tell(Problem::input(&picture.path, reason));
            ticket.failed();
        }
        Err(Unmade::Output(reason)) => {
            studio.tell(Problem::output(&picture.path, reason));
            ticket.failed();
        }
    }
}

//! Owns the job queue and the workers that empty it.
//! Refuses to know where jobs come from, and how a thumbnail is made.

use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};
use homebound::{Context, Handle, Result, Scope};

use crate::options::AtStop;
use crate::pictures::Picture;
use crate::setback::Setback;
use crate::stages::Stage;
use crate::studio::Studio;
use crate::tally::{Problem, Ticket};
use crate::text::shown;
use crate::thumbs::{self, Unmade};

/// The number of jobs that may wait per worker. A thread that makes jobs faster has to wait: this
/// is the back-pressure.
const JOBS_PER_WORKER: usize = 4;

pub struct Job<'a> {
    pub picture: Picture,
    pub ticket: Ticket<'a>,
}

pub fn channel<'a>(workers: usize) -> (Sender<Job<'a>>, Receiver<Job<'a>>) {
    bounded(workers * JOBS_PER_WORKER)
}

/// One worker per stage. The workers end by themselves when the queue is empty and has no sender
/// left.
pub fn start<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    studio: &'env Studio,
    jobs: Receiver<Job<'env>>,
    setbacks: &Sender<Setback<'env>>,
) -> Result<Vec<Handle<'scope, ()>>> {
    let mut workers = Vec::new();
    for stage in &studio.worker_stages {
        let worker = Worker { studio, stage, jobs: jobs.clone(), setbacks: setbacks.clone() };
        workers.push(scope.spawn(stage.name.clone(), "makes thumbnails of queued pictures", move |cx| {
            worker.work(cx);
            Ok(())
        })?);
    }
    Ok(workers)
}

struct Worker<'a> {
    studio: &'a Studio,
    stage: &'a Stage,
    jobs: Receiver<Job<'a>>,
    /// Takes pictures that are bad so far and may yet change.
    setbacks: Sender<Setback<'a>>,
}

impl<'a> Worker<'a> {
    fn work(&self, cx: &Context) {
        match self.studio.options.at_stop {
            AtStop::Drain => self.drain(cx),
            // After a stop: finishes the picture in hand. The tickets of the others count
            // themselves.
            AtStop::Drop => cx.iter(&self.jobs).for_each(|job| self.settle(cx, job)),
        }
    }

    /// After a stop: goes on until the queue is empty, or half of the grace is over. The other half
    /// is for the picture in hand, because a worker that used all of the grace would come home too
    /// late by that picture.
    fn drain(&self, cx: &Context) {
        let mut last_call = None;
        for job in cx.drain(&self.jobs) {
            if cx.is_stopping() {
                let now = Instant::now();
                if now >= *last_call.get_or_insert(now + self.studio.options.grace / 2) {
                    return;
                }
            }
            self.settle(cx, job);
        }
    }

    fn settle(&self, cx: &Context, job: Job<'a>) {
        let Worker { studio, stage, .. } = self;
        let Job { picture, ticket } = job;
        let busy = stage.begin(shown(&picture.name), "starting");
        studio.faults.at_start(cx, &picture.path, &studio.console);
        match thumbs::make(cx, studio, &picture, &busy) {
            Ok(thumb) => {
                studio.sheet.add(thumb);
                ticket.made();
            }
            Err(Unmade::Picture(reason)) => {
                let problem = Problem::input(&picture.path, reason);
                self.put_aside(Setback::new(studio, picture, problem, ticket));
            }
            Err(Unmade::Output(reason)) => {
                studio.tell(Problem::output(&picture.path, reason));
                ticket.failed();
            }
        }
    }

    fn put_aside(&self, setback: Setback<'a>) {
        if self.studio.options.watch {
            // If the intake is at its end, the setback comes back and is reported.
            drop(self.setbacks.send(setback));
        }
    }
}

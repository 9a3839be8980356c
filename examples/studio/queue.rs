//! Owns the pool that makes thumbnails: its size, and the fate of a picture that it takes.
//! Refuses to know where pictures come from, and how a thumbnail is made.

use crossbeam_channel::Sender;
use homebound::{Context, Pool, Result, Scope};

use crate::options::Options;
use crate::pictures::Picture;
use crate::setback::Setback;
use crate::studio::Studio;
use crate::tally::{Problem, Ticket};
use crate::text::shown;
use crate::thumbs::{self, Unmade};

/// The number of pictures that may wait per worker. A thread that finds pictures faster has to
/// wait: this is the back-pressure.
const QUEUED_PER_WORKER: usize = 4;

/// At a stop the pool finishes the pictures in its queue, as far as the grace goes, and drops the
/// others. The tickets of dropped pictures count themselves.
pub fn start<'scope>(scope: &'scope Scope<'scope, '_>, options: &Options) -> Result<Pool<'scope>> {
    let pool = scope.pool("thumbs", "makes thumbnails of queued pictures").threads(options.workers);
    Ok(pool.queue(options.workers * QUEUED_PER_WORKER).at_stop(options.at_stop).start()?)
}

/// What becomes of one picture, on a thread of the pool. `setbacks` takes a picture that is bad so
/// far and may yet change.
pub fn settle<'a>(
    cx: &Context,
    studio: &'a Studio,
    picture: Picture,
    ticket: Ticket<'a>,
    setbacks: &Sender<Setback<'a>>,
) {
    cx.note(shown(&picture.name));
    let busy = studio.stages.begin(cx.name(), shown(&picture.name), "starting");
    studio.faults.at_start(cx, &picture.path, &studio.console);
    match thumbs::make(cx, studio, &picture, &busy) {
        Ok(thumb) => {
            studio.sheet.add(thumb);
            ticket.made();
        }
        Err(Unmade::Picture(reason)) => {
            let problem = Problem::input(&picture.path, reason);
            let setback = Setback::new(studio, picture, problem, ticket);
            if studio.options.watch {
                // If the intake is at its end, the setback comes back and is reported.
                drop(setbacks.send(setback));
            }
        }
        Err(Unmade::Output(reason)) => {
            studio.tell(Problem::output(&picture.path, reason));
            ticket.failed();
        }
    }
}

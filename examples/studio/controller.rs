//! Owns the order of the whole application: which thread or file is started, stopped and closed,
//! and when.
//! Refuses to do any of the work.
//!
//! It starts from the outside in, so that it ends from the inside out:
//!
//! 1. The thread that makes work (`folder`) and the pool that does it (`thumbs`) have a scope of
//!    their own. When the application stops, `folder` is told at once, and then the pool, so that
//!    the pool has almost the whole grace to finish the pictures in its queue.
//! 2. The threads that look after others (`watchdog`, `scanner`) or listen to the world
//!    (`instance`, `bundle`, `webui-monitor`) are services: told when that scope is over, the
//!    latest first, so that the web server goes last.
//! 3. The files that these threads fill (contact sheet, page, bundle) are closed by `defer`, the
//!    latest first.
//! 4. The runner, `Registry::run`, returns with the report when the last thread is home.

use homebound::{AtStop, Result, Scope, StopReason};

use crate::output::BUNDLE;
use crate::page::publish;
use crate::studio::Studio;
use crate::tally::Problem;
use crate::text::{count, shown};
use crate::{bundle, folder, instance, progress, queue, scanner, watchdog, webui};

/// The application.
pub fn run<'scope, 'env>(scope: &'scope Scope<'scope, 'env>, studio: &'env Studio) -> Result {
    scope.defer("summary", || sum_up(studio));
    scope.defer("bundle", || close_bundle(scope, studio));
    scope.defer("sheet", || close_sheet(studio));

    scope.context().subscope("pictures", |pictures| {
        let outcome = work(scope, pictures, studio);
        let stop = scope.context().stop_reason().or_else(|| pictures.context().stop_reason());
        match (&outcome, stop) {
            (_, Some(why)) => {
                note_stop(studio, &why);
                studio.bundle.keep_dump("when the stop came", scope.dump_status());
            }
            (Err(error), None) => studio.tally.interrupt(error.to_string()),
            (Ok(()), None) => {}
        }
        outcome
    })?;
    Ok(())
}

/// Starts all threads, and shows the progress until the work is done. A stop ends it early, with an
/// error.
fn work<'scope, 'env: 'pictures, 'pictures>(
    scope: &'scope Scope<'scope, 'env>,
    pictures: &'pictures Scope<'pictures, '_>,
    studio: &'env Studio,
) -> Result {
    let web = webui::start(scope, studio)?;
    bundle::start(scope, studio)?;
    scanner::start(scope, studio)?;
    watchdog::start(scope, studio)?;
    instance::start(scope, studio)?;

    let pool = queue::start(pictures, &studio.options)?;
    let intake = folder::start(pictures, studio, pool, web.map(|web| web.done().clone()))?;
    studio.bundle.keep_dump("when all had been started", scope.dump_status());
    scope.context().ready();

    progress::show(pictures.context(), studio, &intake)?;
    Ok(())
}

fn note_stop(studio: &Studio, why: &StopReason) {
    let queued = match studio.options.at_stop {
        AtStop::Drain => "finishing the queued pictures",
        _ => "dropping the queued pictures",
    };
    studio.console.say(format_args!("stopping: {why}; {queued} (a second signal exits at once)"));
    studio.tally.interrupt(why.to_string());
}

fn close_sheet(studio: &Studio) -> Result {
    if let Err((name, error)) = publish(studio) {
        store_problem(studio, name, error);
    }
    Ok(())
}

fn close_bundle(scope: &Scope<'_, '_>, studio: &Studio) -> Result {
    let note = "This was written when all pictures were settled and all workers home.\n\
         shutdown.txt is the report of the shutdown; without it the run did not come to its end.";
    let written = bundle::write(studio, note, "when this bundle was written", &scope.dump_status());
    if let Err(error) = written {
        store_problem(studio, BUNDLE, error);
        // Without a bundle the log is in no file, so the held-back problems are printed after all.
        for problem in studio.tally.take_untold() {
            studio.console.complain(problem);
        }
    }
    Ok(())
}

fn store_problem(studio: &Studio, name: &str, reason: impl ToString) {
    studio.tell(Problem::output(&studio.output.dir().join(name), reason));
}

/// Runs last of all. Under `--strict` its error makes the whole run a failure.
fn sum_up(studio: &Studio) -> Result {
    studio.console.say(format_args!("{}\n  results:    {}", studio.tally, shown(studio.output.dir())));
    match studio.tally.problems().len() {
        n if n > 0 && studio.options.strict => {
            Err(format!("{}, which --strict makes a failure", count(n, "problem")).into())
        }
        _ => Ok(()),
    }
}

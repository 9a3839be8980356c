//! Owns the order of the whole application: which thread or file is started, stopped and closed,
//! and when.
//! Refuses to do any of the work.
//!
//! It starts from the outside in, so that it ends from the inside out:
//!
//! 1. The threads that make work (`folder`) and do work (`thumbs-N`) are workers: they end by
//!    themselves, or are told at once when the application stops.
//! 2. The threads that look after others (`watchdog`, `scanner`) or listen to the world
//!    (`instance`, `bundle`, `webui-monitor`) are services: told when the workers are home, the
//!    latest first, so that the web server goes last.
//! 3. The files that these threads fill (contact sheet, page, bundle) are closed by `defer`, the
//!    latest first.
//! 4. The runner, `Registry::run`, returns with the report when the last thread is home.

use crossbeam_channel::unbounded;
use homebound::{Result, Scope, StopReason};

use crate::options::AtStop;
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

    let outcome = work(scope, studio);
    match (&outcome, scope.context().stop_reason()) {
        (_, Some(why)) => {
            note_stop(studio, &why);
            studio.bundle.keep_dump("when the stop came", scope.dump_status());
        }
        (Err(error), None) => studio.tally.interrupt(error.to_string()),
        (Ok(()), None) => {}
    }
    outcome
}

/// Starts all threads, and shows the progress until the work is done. A stop ends it early, with an
/// error.
fn work<'scope, 'env>(scope: &'scope Scope<'scope, 'env>, studio: &'env Studio) -> Result {
    let web = webui::start(scope, studio)?;
    bundle::start(scope, studio)?;
    scanner::start(scope, studio)?;
    watchdog::start(scope, studio)?;
    instance::start(scope, studio)?;

    let (sender, receiver) = queue::channel(studio.options.workers);
    // As many as there are bad pictures: unbounded, so that no worker waits for an intake that
    // waits for the workers.
    let (aside, setbacks) = unbounded();
    let workers = queue::start(scope, studio, receiver, &aside)?;
    folder::start(scope, studio, (sender, setbacks), web.map(|web| web.done().clone()))?;
    studio.bundle.keep_dump("when all had been started", scope.dump_status());

    progress::show(scope.context(), studio, &workers)?;
    Ok(())
}

fn note_stop(studio: &Studio, why: &StopReason) {
    let queued = match studio.options.at_stop {
        AtStop::Drain => "finishing the queued pictures",
        AtStop::Drop => "dropping the queued pictures",
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

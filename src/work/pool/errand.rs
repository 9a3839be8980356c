//! Owns what a map of a pool and its helpers share: the work, its types and lifetimes forgotten,
//! the stop of the map, and what fails in it.
//! Refuses to know the items, and to queue helpers: `map` does.
//!
//! The work borrows from the frame of the map, so a helper uses it only while it is counted, and
//! has let go of it when it is counted out (`helpers`). All else here is `'static`, and may be used
//! for longer.

use std::panic::Location;
use std::sync::Arc;

use super::helpers::Helpers;
use super::parts::Ending;
use crate::outcome::errors::failure::Origin;
use crate::outcome::errors::failure_list::{FailureList, Listed};
use crate::outcome::reason::{Stop, StopReason};
use crate::rt::contain::Payload;
use crate::rt::packet::{Ran, Task};
use crate::stop::node::{Link, Node};
use crate::sync::Mutex;
use crate::thread::spawn::judge_run;
use crate::tree::panic_hook;
use crate::tree::propagate::log;
use crate::tree::result_state::Outcome;
use crate::work::map::crew::Seat;
use crate::{Context, Failure};

pub(super) struct Errand {
    /// The line that called the map.
    pub(super) at: &'static Location<'static>,
    /// The stop of the map, below the caller's. Marked by the first failure.
    pub(super) node: Arc<Node>,
    pub(super) helpers: Helpers<Seat>,
    /// The work of each helper. Written and taken by the frame of the map.
    work: Mutex<Option<Arc<dyn Task<Context>>>>,
    failures: Mutex<FailureList>,
    /// The first stop by which the work of a helper has ended.
    stop: Mutex<Option<Stop>>,
}

impl Errand {
    /// `below`: the contexts whose stop ends the map.
    pub(super) fn new<'a>(
        at: &'static Location<'static>,
        below: impl IntoIterator<Item = &'a Context>,
    ) -> Arc<Errand> {
        // Below the callers, so a stop of one of them marks it, and through it the jobs of all
        // helpers.
        let node = Node::new(Link::Inside);
        below.into_iter().for_each(|cx| node.attach(cx.node()));
        let (work, failures, stop) = Default::default();
        Arc::new(Errand { at, node, helpers: Helpers::new(), work, failures, stop })
    }

    /// Lends the work to helpers, until `take_back`.
    pub(super) fn lend(&self, work: Arc<dyn Task<Context>>) {
        *self.work.lock() = Some(work);
    }

    /// Called when no helper is left.
    pub(super) fn take_back(&self) {
        let work = self.work.lock().take();
        let _holds_references_only = work.and_then(|work| work.clear());
    }

    /// Does the work in this context, until the source is over, on the calling thread.
    pub(super) fn work(&self, cx: &Context) -> Ending {
        // Cloned, so that several helpers work at once, and no lock is held while the program's
        // code runs.
        let work = self.work.lock().clone();
        let ran = work.map_or(Ran::Nothing, |work| work.run(cx));
        match ran {
            Ran::Done | Ran::Nothing => Ending::Done,
            ran => self.judge(cx, ran),
        }
    }

    /// Decides the ending of work that did not end well, and keeps its stop or its failure for the
    /// map.
    #[cold]
    fn judge(&self, cx: &Context, ran: Ran) -> Ending {
        let record = cx.record();
        let origin = || Origin { spawned_from: self.at, ..record.origin() };
        let (outcome, new) = judge_run(record, cx.node(), ran, false, &origin);
        match outcome {
            Outcome::Finished => return Ending::Done,
            Outcome::Stopped(stop) => {
                // The first stop is the one that the map returns if nothing has failed.
                self.stop.lock().get_or_insert(stop);
                return Ending::Stopped;
            }
            // In the list of the map also if another scope has listed it before.
            Outcome::Failed(failure) => self.fail(&failure),
        }
        new.iter().for_each(log);
        Ending::Failed
    }

    /// Lists a failure, and stops the rest.
    pub(super) fn fail(&self, failure: &Failure) {
        // Listed before the node is marked: a helper that hears this stop and fails by it comes
        // second.
        self.failures.lock().add(failure.clone());
        let cause = Stop::new(StopReason::Failed { path: failure.path().to_owned() });
        self.node.mark_for(cause).run();
    }

    /// As `fail`, for a panic of the source, or in the drop of a value, on the thread of `cx`.
    pub(super) fn fail_panic(&self, cx: &Context, payload: Payload) {
        let place = panic_hook::place(&payload);
        let origin = Origin { spawned_from: self.at, ..cx.record().origin() };
        let failure = Failure::panic(origin, payload, place);
        self.fail(&failure);
        log(&failure);
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failures.lock().has_any()
    }

    /// Takes out what has failed.
    pub(super) fn failures(&self) -> Listed {
        self.failures.lock().take(self.node.asked_at())
    }

    pub(super) fn stop(&self) -> Option<Stop> {
        self.stop.lock().clone()
    }
}

/// A helper, from its count until it is gone: its drop counts it out.
pub(super) struct Helper {
    errand: Arc<Errand>,
    /// The queue has not taken it. Written by `refused`.
    refused: bool,
}

impl Helper {
    /// `None` if the map needs no more helpers.
    pub(super) fn new(errand: &Arc<Errand>) -> Option<Helper> {
        // -> counted. `None` once the caller sees the helpers off, because a helper that comes now
        // would not be waited for.
        errand.helpers.enter().then(|| Helper { errand: Arc::clone(errand), refused: false })
    }

    pub(super) fn errand(&self) -> &Errand {
        &self.errand
    }

    /// The queue has no place for it, and the map goes on without it.
    pub(super) fn refused(mut self) {
        self.refused = true;
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // Known or counted -> gone, on every way out: run, dropped at a stop, withdrawn, or
        // refused. The caller may return at once, so nothing here uses the work after this line.
        // Pairs with `Map::see_off`.
        self.errand.helpers.leave(self.refused);
    }
}

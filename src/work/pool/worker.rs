//! Owns the start and the loop of a pool's thread, and the run of one job: its context, its
//! verdict, its end.
//! Refuses to decide which job is next: the line does.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::desk::{Desk, KeptLife, Own};
use super::end::End;
use super::errand::Helper;
use super::packet::{Head, Work};
use super::parts::{Ending, Next, Queued, Told};
use super::shared::{Item, Shared};
use crate::outcome::errors::failure::Origin;
use crate::outcome::marks;
use crate::rt::contain::{Payload, contain, drop_contained};
use crate::rt::packet::Ran;
use crate::stop::node::{Link, Node};
use crate::sys;
use crate::thread::spawn::judge_run;
use crate::tree::current;
use crate::tree::job_now::{JobMark, JobNow};
use crate::tree::propagate::{complain, log};
use crate::tree::record::Record;
use crate::tree::wait_mark::WaitMark;
use crate::{AtStop, Context, Result, SpawnError};

/// Jobs that one thread may be inside of, because a job joins another that has not begun. Each
/// takes room on the stack of the thread.
pub(super) const DEEPEST: u32 = 16;

/// Runs jobs until the thread has to go. `cx` is the context of the thread.
pub(super) fn serve<'scope>(shared: &Arc<Shared<'scope>>, cx: &Context, seat: usize) -> Result {
    let record = cx.record();
    let now = record.extras().job.get_or_init(JobNow::new);
    let mut desk = Desk::new(cx, now);
    // Only a fault of ours unwinds here. The pool gets another thread, and the fault is a failure.
    let lost = scopeguard::guard((), |()| shared.lost(seat, now.number().is_some()));
    let told = || match (cx.node().is_stopping(), shared.at_stop) {
        (false, _) => Told::No,
        (true, AtStop::Drain) if cx.is_overdue() => Told::Overdue,
        (true, _) => Told::Stop,
    };
    let mark = || WaitMark::new("a job", shared.core().at);
    let mut ended = None;
    loop {
        match shared.line.next(seat, ended.take(), told, mark) {
            Next::Run(queued) => ended = shared.run(&mut desk, queued),
            Next::Drop(queue) => {
                now.dropped.fetch_add(queue.len() as u64, Ordering::Relaxed);
                queue.into_iter().for_each(|queued| shared.drop_job(queued, &End::Dropped));
            }
            Next::Leave => break,
        }
    }
    scopeguard::ScopeGuard::into_inner(lost);
    Ok(())
}

/// A closure's end as a packet would have it.
fn ran(ended: std::result::Result<Result, Payload>) -> Ran {
    match ended {
        Ok(Ok(())) => Ran::Done,
        Ok(Err(error)) => Ran::Failed(error),
        Err(payload) => Ran::Panicked(payload),
    }
}

impl<'scope> Shared<'scope> {
    /// Starts the thread that the line has asked for. If the OS refuses it, the pool goes on with
    /// the threads that it has; if it has none, all queued jobs are given back.
    pub(super) fn start(self: &Arc<Self>, seat: usize) -> std::result::Result<(), SpawnError> {
        let (_, _, label) = self.thread.place();
        let name = format!("{}-{}", label.name, seat + 1);
        let thread = self.group.thread(name, label.purpose.clone()).spawned_at(label.at).like(&self.thread);
        let shared = Arc::clone(self);
        thread.spawn(move |cx| serve(&shared, cx, seat)).map(drop)
    }

    /// As `start`, for a thread that no caller waits for. Jobs that no thread can run fail.
    pub(super) fn start_or_fail(self: &Arc<Self>, seat: usize) {
        if let Err(refusal) = self.start(seat) {
            self.fail_all(self.line.not_started(seat), &refusal);
        }
    }

    /// Replaces a thread that ended by a fault.
    pub(super) fn lost(self: &Arc<Self>, seat: usize, busy: bool) {
        self.line.lost(seat, busy).into_iter().for_each(|seat| self.start_or_fail(seat));
    }

    /// Runs a job as the next one of the thread. Returns how it ended, or `None` if that has been
    /// counted already.
    #[inline]
    fn run(&self, desk: &mut Desk<'_>, queued: Queued<Item<'scope>>) -> Option<Ending> {
        if self.at_stop == AtStop::Drain {
            // The pool may have been told to stop: then this job is run all the same, and does not
            // see that stop until the thread's share of the grace is over.
            desk.shield();
        }
        marks::begin_closure();
        let number = queued.number;
        match queued.job {
            Item::Plain(f, at) => {
                desk.now.show(JobMark { number, since: sys::coarse(), isolated: false });
                let ending = match contain(|| f(&desk.job)) {
                    Ok(Ok(())) => Ending::Done,
                    ended => judge(&desk.job, at, ran(ended)).ending(),
                };
                // While views still show the job, because the callbacks that it has left are
                // dropped here, and their captures are code of the job's.
                let failed = desk.clear_up();
                desk.now.show(JobMark::default());
                // The ending goes to the line with the next call of `next`, so that a job without a
                // handle takes its lock once.
                Some(if failed { Ending::Failed } else { ending })
            }
            Item::Kept(work) => {
                self.run_kept(desk, number, &*work);
                None
            }
            Item::Help(helper) => {
                self.help(desk, number, helper);
                None
            }
        }
    }

    /// Works for a map until its source is over. The map learns of the end when the thread is idle.
    fn help(&self, desk: &mut Desk<'_>, number: u64, helper: Helper) {
        let errand = helper.errand();
        let node = Node::new(Link::Inside);
        node.attach(&errand.node);
        let (cx, own) = desk.enter(&node);
        desk.now.show(JobMark { number, since: sys::coarse(), isolated: true });
        let ending = errand.work(&cx);
        drop(own);
        // If `f` has kept a part of the context, that part is stopped from now on.
        node.close();
        let failed = desk.clear_up();
        // After a failure it is at its item still.
        desk.leave_item();
        desk.now.show(JobMark::default());
        self.line.finish(if failed && ending == Ending::Done { Ending::Failed } else { ending }, None, false);
        drop(helper);
    }

    fn run_kept(&self, desk: &mut Desk<'_>, number: u64, work: &dyn Work) {
        let (head, core) = (work.head(), self.core());
        let (end, failed) = match head.begin(desk.thread.record(), desk.job.node()) {
            // Stopped or expired before its turn.
            Err(end) => {
                self.clear(number, work);
                head.conclude(core, number, &end);
                (end, false)
            }
            Ok(node) => {
                // Another node than the desk's: a caller has looked at the job already, so the job
                // has a record, with a node of its own.
                let own = (!Arc::ptr_eq(&node, desk.job.node())).then(|| desk.enter(&node));
                let cx = own.as_ref().map_or(&desk.job, |(cx, _)| cx);
                desk.now.show(JobMark { number, since: sys::coarse(), isolated: true });
                let end = judge_work(cx, work);
                // Before `clear_up` counts the users of the node: a thread that is about to stop
                // this job either is counted there, or finds that the job has ended.
                head.conclude(core, number, &end);
                drop((own, node));
                let failed = desk.clear_up();
                desk.now.show(JobMark::default());
                (end, failed)
            }
        };
        let ending = if failed && end.ending() == Ending::Done { Ending::Failed } else { end.ending() };
        // The line counts the job before its waiters are told: a waiter that asks the pool for its
        // numbers finds this job among the ended ones.
        let telling = head.is_looked_at();
        self.line.finish(ending, Some(&head.over), telling);
        head.tell();
        if telling {
            self.line.told();
        }
    }

    /// Runs a job on a thread that waits for it: a thread of the pool that is inside of another
    /// job, or a thread below one. The job hangs below what that thread is at, so it is stopped
    /// with that, and shielded as that is.
    pub(super) fn run_in_place(&self, thread: &Arc<Record>, now: &JobNow, number: u64, work: &dyn Work) {
        let (head, core) = (work.head(), self.core());
        let parent = now.node.lock().clone().unwrap_or_else(|| Arc::clone(&thread.node));
        let end = match head.begin(thread, &Node::new(Link::Inside)) {
            Err(end) => {
                self.clear(number, work);
                end
            }
            Ok(node) => {
                node.attach(&parent);
                let cx = Context::inside(thread, &node);
                let _kept = KeptLife::new(thread);
                let own = Own::enter(now, &cx);
                now.depth.fetch_add(1, Ordering::Relaxed);
                let outer = now.show(JobMark { number, since: sys::coarse(), isolated: true });
                let end = judge_work(&cx, work);
                // Views show the outer job again, which waits no longer.
                now.show(outer);
                now.depth.fetch_sub(1, Ordering::Relaxed);
                // Contexts whose guards the job has leaked would be taken for the outer job's.
                current::leave_above(&own.entered);
                node.close();
                end
            }
        };
        head.conclude(core, number, &end);
        self.count(&end, head);
    }

    /// Ends a job that was taken out of the queue and is not run: drops it on the calling thread.
    pub(super) fn drop_job(&self, queued: Queued<Item<'scope>>, end: &End) {
        let number = queued.number;
        match queued.job {
            Item::Plain(f, at) => {
                // The captures of a closure are the program's, and their drop may panic.
                if let Some(payload) = drop_contained(f) {
                    complain(self.core(), self.origin(number, at), payload, true);
                }
                if let End::Failed(failure) = end {
                    self.core().fail(failure, true);
                }
                self.line.over(end.ending(), None, false);
            }
            Item::Kept(work) => {
                self.clear(number, &*work);
                work.head().conclude(self.core(), number, end);
                self.count(end, work.head());
            }
            Item::Help(helper) => {
                if let End::Failed(failure) = end {
                    helper.errand().fail(failure);
                }
                self.line.over(end.ending(), None, false);
                drop(helper);
            }
        }
    }

    /// Drops the closure of a job that has not begun.
    fn clear(&self, number: u64, work: &dyn Work) {
        if let Some(payload) = work.clear() {
            complain(self.core(), self.origin(number, work.head().at), payload, false);
        }
    }

    /// Counts and tells the end of a job that ran besides the queue.
    fn count(&self, end: &End, head: &Head) {
        let telling = head.is_looked_at();
        self.line.over(end.ending(), Some(&head.over), telling);
        head.tell();
        if telling {
            self.line.told();
        }
    }

    /// The origin of a failure of a job that no thread has begun.
    pub(super) fn origin(&self, number: u64, at: &'static Location<'static>) -> Origin {
        Origin {
            id: None,
            path: format!("{}/job {number}", self.core().path()),
            name: format!("job {number}").into(),
            purpose: self.purpose().clone(),
            spawned_from: at,
            notes: Vec::new(),
        }
    }
}

fn judge_work(cx: &Context, work: &dyn Work) -> End {
    match work.run(cx) {
        Ran::Done | Ran::Nothing => End::Finished,
        ran => judge(cx, work.head().at, ran),
    }
}

/// The ending of a job that did not return `Ok`. `cx` is the context in which it ran.
#[cold]
fn judge(cx: &Context, at: &'static Location<'static>, ran: Ran) -> End {
    let record = cx.record();
    let origin = || Origin { spawned_from: at, ..record.origin() };
    let stops = !record.is_isolated();
    let (outcome, failure) = judge_run(record, cx.node(), ran, stops, &origin);
    if let Some(failure) = &failure {
        if stops {
            record.core.fail(failure, true);
        }
        log(failure);
    }
    End::of(outcome)
}

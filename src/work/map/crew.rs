//! Owns the workers of a map: what each of them does until the source is over, and the making of
//! one more.
//! Refuses to know what becomes of an item: `each` does.

use std::convert::Infallible;
use std::panic::Location;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::rt::contain::log_contained;
use crate::rt::shown::shown;
use crate::shutdown::long_wait::For;
use crate::thread::blocking;
use crate::tree::core::ScopeCore;
use crate::tree::text::Text;
use crate::tree::wait_mark::WaitMark;
use crate::tree::waiting::Of;
use crate::work::map::source::{Asked, Source};
use crate::{Context, IntoText, Result, Scope, SpawnError, Stopped, WaitError};

/// The place of a thread that sleeps: its drop wakes the thread.
pub(crate) type Seat = Sender<Infallible>;

/// What a worker does after an item.
pub(crate) enum After {
    /// Takes the next item.
    Next,
    /// Leaves: there was no item any more.
    Leave,
    /// Leaves, and no worker takes a further item.
    Close,
}

/// The source of a map, and what its workers have in common.
pub(crate) struct Crew<I: Iterator, W> {
    pub(crate) source: Source<I, Seat>,
    /// Deals with the item of this number, which its last argument takes: user code, like `each`.
    each: W,
    names: Names,
}

/// How the threads of a map are called, and where and below which span they are made.
pub(crate) struct Names {
    pub(crate) name: Text,
    pub(crate) purpose: Text,
    pub(crate) at: &'static Location<'static>,
    pub(crate) span: tracing::Span,
}

impl Names {
    #[track_caller]
    pub(crate) fn new(name: impl IntoText, purpose: impl IntoText, at: &'static Location<'static>) -> Names {
        Names { name: name.into(), purpose: purpose.into(), at, span: tracing::Span::current() }
    }
}

impl<I, W> Crew<I, W>
where
    I: Iterator,
    W: Fn(&Context, usize, &mut dyn FnMut() -> Option<I::Item>) -> Result<After>,
{
    /// `width`: the most workers. `ahead`: items that may be taken and not yet given on.
    pub(crate) fn new(names: Names, items: I, width: usize, ahead: usize, each: W) -> Self {
        Crew { source: Source::new(items, width.max(1), ahead), each, names }
    }

    /// Takes the first item, for the first worker. False if there is none. Runs code of the
    /// program's on the calling thread.
    pub(crate) fn take_first(&self, cx: &Context) -> bool {
        let Asked::Turn(lent) = self.source.lend(None, || bounded(0).0) else { return false };
        set_item(cx, Some(0));
        let first = lent.pull(|| is_cut(cx));
        set_item(cx, None);
        let there = first.is_some();
        first.into_iter().for_each(|(item, _)| self.source.keep_first(item));
        there
    }

    /// The work of one worker, until the source is over. `grow` makes one more worker.
    pub(crate) fn work(&self, cx: &Context, grow: &dyn Fn()) -> Result {
        loop {
            let asked = self.ask(cx)?;
            let number = match &asked {
                Asked::Turn(lent) => lent.number,
                Asked::Item(number, _) => *number,
                Asked::Wait(_) | Asked::Over => break,
            };
            // Shown in the dump, and a note of the failure, also if `next()` panics.
            set_item(cx, Some(number));
            let mut asked = Some(asked);
            let mut item = || {
                let (item, more) = match asked.take()? {
                    Asked::Turn(lent) => lent.pull(|| is_cut(cx))?,
                    Asked::Item(_, item) => (item, self.source.wants_worker()),
                    Asked::Wait(_) | Asked::Over => return None,
                };
                // Before the item is dealt with, so that the new worker works meanwhile.
                if more {
                    grow();
                }
                Some(item)
            };
            match (self.each)(cx, number, &mut item)? {
                After::Next => {}
                After::Leave => break,
                After::Close => {
                    self.source.close();
                    break;
                }
            }
        }
        set_item(cx, None);
        Ok(())
    }

    /// Waits for the worker's turn at the source.
    fn ask(&self, cx: &Context) -> Result<Asked<'_, I, Seat>, Stopped> {
        let at = self.names.at;
        cx.point("map", at);
        let mut woken = None;
        loop {
            if cx.node().is_stopping() {
                woken.into_iter().for_each(|seat| self.source.get_up(seat));
                return Err(cx.stopped());
            }
            let mut wake = None;
            let asked = self.source.lend(woken, || seat(&mut wake));
            let (Asked::Wait(seat), Some(wake)) = (&asked, &wake) else { return Ok(asked) };
            woken = Some(*seat);
            // Pairs with `Source::wake_one`. A worker that hears the stop says so in the next
            // round.
            sleep(cx, wake, || WaitMark::new("the next item", at));
        }
    }

    /// Blocks until the scope of the map has counted out its last worker, or until the stop.
    ///
    /// A worker is counted out after its end was judged, and its failure stops the scope when it is
    /// judged. So a caller that finds neither a stop nor all results has no worker that failed.
    pub(crate) fn wait(&self, cx: &Context) {
        let core = cx.core();
        let _mark = WaitMark::on("map", self.names.at, Of::Scope(Arc::clone(core)));
        blocking::wait(For::Scope(core), None, |until| {
            // Before the looks, so that a change after them ends the sleep. Pairs with
            // `wake_drivers`, which the last counting out calls, and the mark of a stop.
            let seen = core.changes();
            if core.lock().workers == 0 || cx.node().is_stopping() {
                return Some(());
            }
            core.sleep(seen, until);
            None
        });
    }
}

/// Makes one more worker of the scope, unless there are as many as may be.
pub(crate) fn hire<'scope, I, W>(
    scope: &'scope Scope<'scope, '_>,
    crew: &'scope Crew<I, W>,
) -> Result<(), SpawnError>
where
    I: Iterator + Send,
    I::Item: Send,
    W: Fn(&Context, usize, &mut dyn FnMut() -> Option<I::Item>) -> Result<After> + Sync,
{
    let Some(number) = crew.source.enlist() else { return Ok(()) };
    let Names { name, purpose, at, span } = &crew.names;
    let grow = move || {
        if let Err(refusal @ SpawnError::Os(_)) = hire(scope, crew) {
            crew.source.make_no_more();
            log_contained(|| {
                tracing::warn!(target: "homebound::work", map = &*shown(name), %refusal, "goes on with fewer threads");
            });
        }
    };
    // Below the span of the caller of the map, not below the span of the worker that hires.
    span.in_scope(|| {
        let thread = scope.thread(format!("{name}-{number}"), purpose.clone()).spawned_at(at);
        thread.spawn(move |cx| crew.work(cx, &grow))
    })?;
    Ok(())
}

/// The thread is at this item from now on. The note that was made at the item before goes.
fn set_item(cx: &Context, item: Option<usize>) {
    // The note is dropped after the lock is free, because it may be a large `String`.
    let _note = cx.record().life(|life| life.set_item(item));
}

/// True if a stop has come, or is on its way: a source that ends now may have ended because of it,
/// as a channel whose sender was stopped does. `Context::stopped_or_arriving` has the proof of it.
fn is_cut(cx: &Context) -> bool {
    cx.node().is_stopping() || cx.node().arriving().is_some()
}

/// Makes a seat, and keeps the other end in `wake`.
pub(crate) fn seat(wake: &mut Option<Receiver<Infallible>>) -> Seat {
    let (seat, woken) = bounded(0);
    *wake = Some(woken);
    seat
}

/// Blocks until the seat of `wake` is dropped, or until the stop. The caller looks which.
fn sleep(cx: &Context, wake: &Receiver<Infallible>, mark: impl FnOnce() -> WaitMark) {
    woken(cx.receive_later(wake, None, mark));
}

/// As [`sleep`], until the threads of `core` have done something. Says so if that takes long.
pub(crate) fn sleep_for(
    core: &Arc<ScopeCore>,
    cx: &Context,
    wake: &Receiver<Infallible>,
    (what, at): (&'static str, &'static Location<'static>),
) {
    let mark = || WaitMark::on(what, at, Of::Scope(Arc::clone(core)));
    woken(cx.receive_end(wake, None, For::Scope(core), mark));
}

fn woken(received: Result<Infallible, WaitError>) {
    match received {
        Err(WaitError::Disconnected | WaitError::Stopped(_) | WaitError::TimedOut) => {}
        Ok(never) => match never {},
    }
}

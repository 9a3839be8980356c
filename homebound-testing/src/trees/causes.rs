//! Owns the causes for which a context may be stopped, as far as the events of a run show them.
//! Refuses to say which cause wins if several were under way. The first cause that was done is the
//! last that may win.

use std::time::{Duration, Instant};

use super::fault::stopper_in;
use super::index::Index;
use super::kin::Kind;
use super::log::{How, Stop, What};
use super::tree::{Id, Limit};
use homebound::StopReason;

/// A cause of a stop of a context.
#[derive(Debug, Clone)]
pub(super) struct Cause {
    /// The event with which the cause began.
    pub(super) begin: usize,
    /// The event by which the cause was done. From then on the context is stopped.
    pub(super) end: Option<usize>,
    /// The cause has no effect before this.
    not_before: Option<Instant>,
    /// The number of scopes between the cause and the context.
    depth: usize,
    reason: Expected,
}

#[derive(Debug, Clone)]
enum Expected {
    Because(Id),
    Requested,
    Failed(Vec<Id>),
    Vital(Id),
    Deadline,
    UsersDone,
    Dropped,
    /// The body of a map has returned.
    Mapped,
}

impl Cause {
    fn new(begin: usize, end: Option<usize>, reason: Expected) -> Cause {
        Cause { begin, end, not_before: None, depth: 0, reason }
    }

    /// The cause as the scope below sees it.
    fn below(self) -> Cause {
        Cause { depth: self.depth + 1, ..self }
    }

    /// The cause for a node that was born at `born`: it is not done before that.
    fn since(self, born: usize) -> Cause {
        Cause { end: self.end.map(|end| end.max(born)), ..self }
    }

    /// The cause without its end, for a node that it reaches sooner or later.
    fn later(self) -> Cause {
        Cause { end: None, ..self }
    }

    /// True if the cause is a failure of this step alone.
    pub(super) fn is_failure_of(&self, step: Id) -> bool {
        matches!(&self.reason, Expected::Failed(steps) if *steps == [step])
    }

    /// True if the reason that was seen at that time may come from this cause.
    pub(super) fn explains(&self, reason: &StopReason, at: Instant, index: &Index<'_>) -> bool {
        let mut inner = reason;
        for _ in 0..self.depth {
            let StopReason::Parent(next) = inner else { return false };
            inner = next;
        }
        self.not_before.is_none_or(|earliest| at >= earliest) && self.reason.is(inner, index)
    }
}

impl Expected {
    fn is(&self, reason: &StopReason, index: &Index<'_>) -> bool {
        match (self, reason) {
            (Expected::Because(step), reason @ StopReason::Custom(_)) => stopper_in(reason) == Some(*step),
            (Expected::Dropped, StopReason::Custom(why)) => why == "its group was dropped",
            (Expected::Mapped, StopReason::Custom(why)) => why == "the body of its map has returned",
            (Expected::Requested, StopReason::Requested { .. })
            | (Expected::Deadline, StopReason::Deadline)
            | (Expected::UsersDone, StopReason::UsersDone) => true,
            (Expected::Failed(steps), StopReason::Failed { path }) => {
                steps.iter().any(|step| index.is_path_of(path, *step))
            }
            (Expected::Vital(step), StopReason::Vital { path }) => index.is_path_of(path, *step),
            _ => false,
        }
    }
}

impl Index<'_> {
    /// All causes that stop a context of a thread, a scope's body or a limit.
    pub(super) fn causes(&self, context: Id) -> Vec<Cause> {
        let Some(person) = self.kin.get(context) else { return Vec::new() };
        let mut causes = self.direct(context);
        match person.kind {
            Kind::Worker | Kind::Adopted => causes.extend(self.causes(person.home)),
            Kind::Service => {
                causes.push(Cause::new(0, None, Expected::UsersDone));
                causes.extend(self.causes(person.home).into_iter().map(Cause::later));
            }
            Kind::Scope(group) if context != 0 => {
                if self.first(context, |what| matches!(what, What::Task(..))).is_some() {
                    causes.push(Cause::new(0, None, Expected::Mapped));
                }
                let around = self.causes(person.context).into_iter();
                let on_group = group.map(|group| self.causes(group)).unwrap_or_default();
                // A scope on a group has two parents. If both were stopped before the scope was
                // there, neither is first. The start of its body shows that it is there.
                let born = |_| self.started(context).or(self.returned(context)).or(self.making(context));
                let born = group.and_then(born).unwrap_or(0);
                causes.extend(around.chain(on_group).map(|cause| cause.below().since(born)));
            }
            Kind::Group => {
                causes.push(Cause::new(0, None, Expected::UsersDone));
                causes.push(Cause::new(0, None, Expected::Dropped));
                let home = self.causes(person.home).into_iter();
                causes.extend(home.map(|cause| cause.below().later()));
            }
            Kind::Limit(Limit::Deadline(ms)) => {
                let made = self.first(context, |what| matches!(what, What::Making));
                causes.extend(made.map(|made| {
                    let at = self.events[made].at + Duration::from_millis(ms);
                    Cause { not_before: Some(at), ..Cause::new(made, None, Expected::Deadline) }
                }));
                causes.extend(self.causes(person.context));
            }
            Kind::Limit(Limit::Shield(_)) => {
                causes.extend(self.causes(person.context).into_iter().map(Cause::later));
            }
            _ => {}
        }
        causes
    }

    /// Causes that stop only this scope, group or thread.
    fn direct(&self, target: Id) -> Vec<Cause> {
        let mut causes = Vec::new();
        for (place, event) in self.events.iter().enumerate() {
            match &event.what {
                What::Stopping { target: stopped, how } if *stopped == target => {
                    let reason = match how {
                        Stop::Because => Expected::Because(event.node),
                        Stop::Shutdown | Stop::ThroughHandle | Stop::Close => Expected::Requested,
                    };
                    let done = |what: &What| matches!(what, What::Stopped { target: t } if *t == target);
                    let end = self.events[place..]
                        .iter()
                        .position(|later| later.node == event.node && done(&later.what));
                    causes.push(Cause::new(place, end.map(|end| place + end), reason));
                }
                What::Fails(failing) if !self.kin.is_thread(target) => {
                    let who = event.node;
                    if self.stops(who, &failing.how) && self.kin.listing(self.home_of(who)).contains(&target)
                    {
                        let mut paths = vec![self.thread_of(who)];
                        if let How::Passed(carried) = &failing.how {
                            paths.extend(carried.iter().flat_map(|step| self.failed_with(*step)));
                        }
                        causes.push(Cause::new(place, self.known_over(who, place), Expected::Failed(paths)));
                    }
                }
                What::Ends(_) if !self.kin.is_thread(target) => {
                    let vital = self.kin.get(event.node).is_some_and(|p| p.vital && p.home == target);
                    if vital && self.kin.is_thread(event.node) {
                        let end = self.known_over(event.node, place);
                        causes.push(Cause::new(place, end, Expected::Vital(event.node)));
                    }
                }
                _ => {}
            }
        }
        causes
    }

    /// The threads whose failures name this step: its own thread, and the threads of closures
    /// through which its panic went.
    fn failed_with(&self, message: Id) -> Vec<Id> {
        let named = |what: &What| matches!(what, What::Fails(failing) if failing.message == message);
        let events = self.events.iter().filter(|event| named(&event.what));
        events.map(|event| self.thread_of(event.node)).collect()
    }

    /// True if a failure of this step stops its scope.
    fn stops(&self, who: Id, how: &How) -> bool {
        let isolated = self.kin.get(who).is_some_and(|person| person.isolated);
        !isolated && !matches!(how, How::Handed(_)) || *how == How::Callback
    }

    /// The first event that shows that this thread was home before, after it did something at
    /// `place`. `None` if the event is not the end of the thread's own code, or if the failure may
    /// or may not be listed.
    fn known_over(&self, thread: Id, place: usize) -> Option<usize> {
        let joined = |what: &What| matches!(what, What::Joined { thread: t, .. } if *t == thread);
        let own = match &self.events[place].what {
            What::Fails(failing) => failing.how == How::Own,
            _ => true,
        };
        let after = self.events[place..].iter().position(|event| joined(&event.what))?;
        own.then_some(place + after)
    }
}

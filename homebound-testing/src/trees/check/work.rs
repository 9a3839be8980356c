//! Owns the promises of work: how often a task runs, how many at once, in which order, until when;
//! and that its joiner is given what it returned.
//! Refuses to look into pools, sets and supervisors, because their own books are under judgement.

use std::time::Duration;

use homebound::AtStop;
use homebound::work::Strategy;

use super::super::causes::Cause;
use super::super::index::Index;
use super::super::kin::Kind;
use super::super::log::{Finish, Gave, Returned, TaskEvent, What};
use super::super::tree::{Act, Id, walk};
use super::super::work::{Care, GIVES_UP_AT, Mapped, Trade, Work};
use super::notes::Notes;
use super::race::{deaf, race};
use super::{Property, Violation, say};

/// The grace of a root that no step has hurried.
const GRACE: Duration = Duration::from_secs(5);

/// The time that a job has to begin, if it is shorter than a run.
const SHORT: Duration = Duration::from_secs(1);

pub(super) fn check(index: &Index<'_>, all: &mut Vec<Violation>) {
    for step in walk(&index.observed.tree.body.steps) {
        let notes = Notes::of(index, step.id);
        match &step.act {
            Act::Employ(work) => {
                let ends = index.kin.around(step.id).into_iter().filter_map(|scope| index.returned(scope));
                home(&notes, ends.min(), all);
                employed(index, &notes, work, all);
            }
            Act::Map(mapped) => {
                home(&notes, index.returned(step.id), all);
                map(index, &notes, mapped, all);
            }
            Act::Race(raced) => {
                let decided = |what: &What| matches!(what, What::Decided(_));
                home(&notes, index.first(step.id, decided), all);
                race(index, &notes, raced, all);
            }
            _ => {}
        }
    }
}

/// Each task, with its closure, is gone when the scope of the work has returned.
fn home(notes: &Notes<'_>, returned: Option<usize>, all: &mut Vec<Violation>) {
    let Some(returned) = returned else { return };
    for (task, events) in &notes.tasks {
        let given = |event: &TaskEvent| matches!(event, TaskEvent::Taken | TaskEvent::Begun { .. });
        let gone = notes.place(*task, |event| *event == TaskEvent::Gone);
        let late = |(place, event): &(usize, &TaskEvent)| {
            *place > returned
                && matches!(event, TaskEvent::Begun { .. } | TaskEvent::Over(_) | TaskEvent::Gone)
        };
        if events.iter().any(late) || notes.place(*task, given).is_some() && gone.is_none() {
            say(
                all,
                Property::Home,
                format!("task {task} of work {} was still there when its scope had returned", notes.id),
            );
        }
    }
}

fn employed(index: &Index<'_>, notes: &Notes<'_>, work: &Work, all: &mut Vec<Violation>) {
    for (task, events) in &notes.tasks {
        let (begun, gone) = (notes.begun(*task), notes.place(*task, |event| *event == TaskEvent::Gone));
        if let Some(refused) = notes.place(*task, |event| *event == TaskEvent::Refused) {
            // The caller drops a refused closure before the call returns. (P11) A supervisor whose
            // start is stopped stays in the scope until it is home.
            let supervised = matches!(work.trade, Trade::Supervisor(_));
            if !supervised && (!begun.is_empty() || gone.is_none_or(|gone| gone > refused)) {
                notes.say(all, format_args!("task {task} was refused, and ran or was kept"));
            }
        }
        let answers = events.iter().filter(|(_, event)| matches!(event, TaskEvent::Answered(_))).count();
        if answers > 1 {
            notes.say(all, format_args!("the end of task {task} was given {answers} times"));
        }
    }
    match work.trade {
        Trade::Pool(at_stop) => {
            pool(index, notes, work, all);
            if at_stop == AtStop::Drain {
                drained(index, notes, work, all);
            }
        }
        Trade::JoinSet => join_set(index, notes, all),
        Trade::Restart => restarted(index, notes, work, all),
        Trade::Supervisor(care) => {
            restarted(index, notes, work, all);
            episodes(index, notes, care.strategy, all);
            if let Some(place) = settled(notes, work) {
                deaf(index, notes, place, all);
            }
        }
    }
}

/// The place of the end of the first child that ended the supervisor.
fn settled(notes: &Notes<'_>, work: &Work) -> Option<usize> {
    let over = notes.over(0).into_iter();
    let (of, before) = match work.settles()? {
        0 => (Finish::Value, 0),
        failures => (Finish::Failing, failures - 1),
    };
    over.filter(|(finish, _)| *finish == of).nth(before).map(|(_, place)| place)
}

/// Each restart was counted when it was decided: no more than failures, and no fewer than runs
/// after the first, of all children or, if siblings restart together, of one.
fn episodes(index: &Index<'_>, notes: &Notes<'_>, strategy: Strategy, all: &mut Vec<Violation>) {
    let said = index.places(notes.id).iter().filter_map(|place| match index.events[*place].what {
        What::Restarts(count) => Some((*place, count)),
        _ => None,
    });
    for (said, count) in said {
        let again =
            |task: &usize| notes.begun(*task).iter().filter(|(run, at)| *run > 1 && *at < said).count();
        let fails = |task: &usize| {
            let over = notes.over(*task);
            over.iter().filter(|(finish, at)| *finish == Finish::Failing && *at < said).count()
        };
        let least = match strategy {
            Strategy::OneForOne => notes.tasks.keys().map(again).sum::<usize>(),
            _ => notes.tasks.keys().map(again).max().unwrap_or(0),
        };
        let most = notes.tasks.keys().map(fails).sum::<usize>();
        if !(least as u64..=most as u64).contains(&count) {
            notes.say(all, format_args!("it said {count} restarts, and made {least}, for {most} failures"));
        }
    }
}

/// A pool that drains drops no job before its share of the grace is over.
fn drained(index: &Index<'_>, notes: &Notes<'_>, work: &Work, all: &mut Vec<Violation>) {
    let home = index.home_of(notes.id);
    let told = |what: &What| matches!(what, What::Stopping { target, .. } if *target == notes.id);
    let handle = index.events.iter().position(|event| told(&event.what));
    let stop = index.causes(home).iter().map(|cause| cause.begin).chain(handle).min();
    let Some(stop) = stop.filter(|_| !index.hurried(home)) else { return };
    // Each service has an equal part, and is most often in no more than two scopes of others.
    let shared = |kind| matches!(kind, Kind::Service | Kind::Group | Kind::Work);
    let services = index.kin.all().filter(|(_, person)| shared(person.kind)).count() as u32;
    let share = GRACE / (services + 1).pow(3);
    for task in notes.tasks.keys().filter(|task| work.begin_within(**task).is_none_or(|limit| limit > SHORT))
    {
        let was = |event: TaskEvent| notes.place(*task, |seen| *seen == event);
        let (taken, gone) = (was(TaskEvent::Taken), was(TaskEvent::Gone));
        let early = gone.is_some_and(|gone| index.events[gone].at < index.events[stop].at + share);
        if taken.is_some() && notes.begun(*task).is_empty() && early {
            notes.say(all, format_args!("task {task} was dropped, and its pool was to drain"));
        }
    }
}

/// Each job that was taken runs once, or was dropped because of a stop; no more at once than there
/// are threads; one thread takes them in their order.
fn pool(index: &Index<'_>, notes: &Notes<'_>, work: &Work, all: &mut Vec<Violation>) {
    once(notes, may_stop(index, notes.id, |_| true), |task| work.begin_within(task), all);
    let most = notes.at_once();
    if most > work.width {
        notes.say(all, format_args!("{most} jobs ran at once on {} threads", work.width));
    }
    let mut first: Vec<usize> =
        notes.tasks.keys().filter_map(|task| Some(notes.begun(*task).first()?.1)).collect();
    let in_order = first.clone();
    first.sort_unstable();
    if work.width == 1 && first != in_order {
        notes.say(all, "the jobs of its one thread did not begin in the order in which they came");
    }
}

/// Each member runs once, and is given once if the set was asked until it had none.
fn join_set(index: &Index<'_>, notes: &Notes<'_>, all: &mut Vec<Violation>) {
    let drained = index.first(notes.id, |what| matches!(what, What::Drained)).is_some();
    // The drop of a set stops its members.
    once(notes, !drained || may_stop(index, notes.id, |_| true), |_| None, all);
    if !drained {
        return;
    }
    for task in notes.tasks.keys() {
        let taken = notes.place(*task, |event| *event == TaskEvent::Taken).is_some();
        if taken && notes.answers(*task).is_empty() {
            notes.say(all, format_args!("the set said that it was empty, and never gave member {task}"));
        }
    }
}

/// Jobs and members run once, and their joiners are given what they returned.
fn once(
    notes: &Notes<'_>,
    may_stop: bool,
    begin_within: impl Fn(usize) -> Option<Duration>,
    all: &mut Vec<Violation>,
) {
    for task in notes.tasks.keys() {
        let may_expire = begin_within(*task).is_some_and(|limit| limit < SHORT);
        let begun = notes.begun(*task).len();
        let taken = notes.place(*task, |event| *event == TaskEvent::Taken).is_some();
        if begun > 1 {
            notes.say(all, format_args!("task {task} ran {begun} times"));
        }
        if taken && begun == 0 && !may_stop && !may_expire {
            notes.say(all, format_args!("task {task} was taken and never ran, and no stop came"));
        }
        for gave in notes.answers(*task) {
            let is = match gave {
                Gave::Value => notes.ended(*task, Finish::Value),
                Gave::Failure(id) => *id == notes.id && notes.ended(*task, Finish::Failing),
                Gave::Stopped => begun == 0 || notes.ended(*task, Finish::Stopped),
                Gave::Dropped => begun == 0,
                Gave::Expired => begun == 0 && may_expire,
            };
            if !is {
                notes.say(
                    all,
                    format_args!("the joiner of task {task} was given {gave:?}, which it had not returned"),
                );
            }
        }
    }
}

/// Runs of one child follow each other, have the numbers 1, 2, .. and end at the limit, at a value
/// or at a stop.
fn restarted(index: &Index<'_>, notes: &Notes<'_>, work: &Work, all: &mut Vec<Violation>) {
    // A failure that is answered is no stop.
    let may_stop = may_stop(index, notes.id, |cause| !cause.is_failure_of(notes.id));
    let stopped = stopped(index, notes.id);
    for task in notes.tasks.keys() {
        let (begun, over) = (notes.begun(*task), notes.over(*task));
        for (at, (run, place)) in begun.iter().enumerate() {
            if *run != at as u64 + 1 {
                notes.say(all, format_args!("run {} of task {task} has the number {run}", at + 1));
            }
            let before = over.iter().filter(|(_, over)| over < place).count();
            if before != at {
                notes.say(all, format_args!("run {run} of task {task} began beside another"));
            }
            let Some((finish, last)) = over[..before].last() else { continue };
            if stopped.is_some_and(|stopped| stopped < *last) {
                notes.say(
                    all,
                    format_args!("run {run} of task {task} followed a run that ended after the stop"),
                );
            }
            if work.is_alone() && *finish != Finish::Failing {
                notes.say(all, format_args!("run {run} of task {task} followed a run that did not fail"));
            }
        }
        let failures = over.iter().filter(|(finish, _)| *finish == Finish::Failing).count();
        if work.is_alone() && failures > GIVES_UP_AT as usize {
            notes.say(all, format_args!("task {task} failed {failures} times, and was not given up"));
        }
        let last = over.last().map(|(finish, _)| *finish);
        let for_sure = work.trade == Trade::Restart && !may_stop;
        if for_sure && last == Some(Finish::Failing) && failures < GIVES_UP_AT as usize {
            notes.say(
                all,
                format_args!("failure {failures} of task {task} was not answered, and no stop came"),
            );
        }
        let counts = *task == 0 || !matches!(work.trade, Trade::Supervisor(Care { vital: true, .. }));
        if counts && !may_stop && notes.answers(0) == [&Gave::Value] && last == Some(Finish::Failing) {
            notes.say(all, format_args!("its end was given as a value, and task {task} had failed last"));
        }
    }
    let failed = notes.tasks.keys().any(|task| notes.ended(*task, Finish::Failing));
    if matches!(notes.answers(0)[..], [Gave::Failure(_)]) && !failed {
        notes.say(all, "its end was given as a failure, and nothing had failed");
    }
}

/// The event by which this work was told to stop through its handle.
fn stopped(index: &Index<'_>, id: Id) -> Option<usize> {
    index.events.iter().position(|event| matches!(event.what, What::Stopped { target } if target == id))
}

/// True if a stop of this work, or of its scope for a cause that counts, may have begun. A group is
/// always stopped at its end.
fn may_stop(index: &Index<'_>, id: Id, counts: impl Fn(&Cause) -> bool) -> bool {
    let home = index.home_of(id);
    let told = |what: &What| matches!(what, What::Stopping { target, .. } if *target == id);
    index.kin.is_group(home)
        || index.causes(home).iter().any(counts)
        || index.events.iter().any(|event| told(&event.what))
        // A body that returns an error stops its scope.
        || index.first(home, |what| matches!(what, What::Ends(Finish::Stopped | Finish::Failing))).is_some()
}

/// The results are in the order of the items, all of them, unless one failed or a stop came.
fn map(index: &Index<'_>, notes: &Notes<'_>, mapped: &Mapped, all: &mut Vec<Violation>) {
    for task in notes.tasks.keys() {
        let begun = notes.begun(*task).len();
        if begun > 1 {
            notes.say(all, format_args!("item {task} was mapped {begun} times"));
        }
    }
    let most = notes.at_once();
    if most > mapped.width {
        notes
            .say(all, format_args!("{most} items were under way at once, and its width is {}", mapped.width));
    }
    let failing = |task: &usize| notes.over(*task).into_iter().find(|(finish, _)| *finish == Finish::Failing);
    if let Some((_, failed)) = notes.tasks.keys().filter_map(failing).min_by_key(|(_, place)| *place) {
        if mapped.body.is_none() {
            deaf(index, notes, failed, all);
        }
    }
    let collected = index.places(notes.id).iter().find_map(|place| match &index.events[*place].what {
        What::Collected(collected) => Some(collected),
        _ => None,
    });
    let Some(collected) = collected else { return };
    let failed = notes.tasks.keys().any(|task| notes.ended(*task, Finish::Failing));
    if !collected.iter().copied().eq(0..mapped.tasks.len()) || failed {
        notes.say(all, format_args!("it gave {collected:?} for {} items", mapped.tasks.len()));
    }
    let returned = index.first(notes.id, |what| matches!(what, What::Returned(Returned::Value)));
    if returned.is_none() {
        notes.say(all, "it gave results, and an error");
    }
}

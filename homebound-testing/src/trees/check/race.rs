//! Owns the promises of races, and what their losers share with the siblings of a child that ends
//! its supervisor and with the items beside one that fails: they hear of it.
//! Refuses to know how the rest of work is to go: `work` does.

use std::time::Duration;

use super::super::index::Index;
use super::super::kin::Kind;
use super::super::log::{Decided, Finish, TaskEvent, What};
use super::super::tree::Id;
use super::super::work::Raced;
use super::notes::Notes;
use super::{Property, Violation, say};

/// A task that has a value so long after its stop was due did not hear it. The thread that tells it
/// may have been late for a processor, and a task is deaf for 3 ms at most.
const SLOW: Duration = Duration::from_secs(1);

/// The winners have a value, a lost race has too few, and the losers hear of the end.
pub(super) fn race(index: &Index<'_>, notes: &Notes<'_>, raced: &Raced, all: &mut Vec<Violation>) {
    let decided = index.places(notes.id).iter().find_map(|place| match &index.events[*place].what {
        What::Decided(decided) => Some(decided),
        _ => None,
    });
    for task in notes.tasks.keys() {
        let begun = notes.begun(*task).len();
        if begun > 1 {
            notes.say(all, format_args!("entrant {task} ran more than once"));
        }
        if begun > 0 && !(1..=raced.tasks.len()).contains(&raced.wanted) {
            notes.say(all, format_args!("entrant {task} was started, and {} were wanted", raced.wanted));
        }
    }
    let stopped = !index.causes(context(index, notes.id)).is_empty();
    match decided {
        Some(Decided::Won(winners)) => won(notes, raced, winners, all),
        Some(Decided::Lost(failures)) => lost(notes, raced, *failures, stopped, all),
        Some(Decided::Stopped) if !stopped => notes.say(all, "it was stopped, and nobody had asked for that"),
        _ => {}
    }
    if let Some(place) = decided_at(notes, raced) {
        deaf(index, notes, place, all);
    }
}

/// As many as were wanted have won, each once and with a value.
fn won(notes: &Notes<'_>, raced: &Raced, winners: &[usize], all: &mut Vec<Violation>) {
    for (at, winner) in winners.iter().enumerate() {
        if !notes.ended(*winner, Finish::Value) {
            notes.say(all, format_args!("entrant {winner} has won, without a value"));
        }
        if winners[..at].contains(winner) {
            notes.say(all, format_args!("entrant {winner} has won twice"));
        }
    }
    if winners.len() != raced.wanted {
        notes.say(all, format_args!("{} have won, and {} were wanted", winners.len(), raced.wanted));
    }
}

/// A race is lost when too many have failed, and its error has each failure until then. A race that
/// was stopped gives the failures that came after the stop.
fn lost(notes: &Notes<'_>, raced: &Raced, failures: usize, stopped: bool, all: &mut Vec<Violation>) {
    let count = |finish| notes.tasks.keys().filter(|task| notes.ended(**task, finish)).count();
    let (values, failed) = (count(Finish::Value), count(Finish::Failing));
    if raced.wanted > raced.tasks.len() {
        if failures > 0 {
            notes.say(all, format_args!("lost with {failures} failures, and none was to be started"));
        }
        return;
    }
    let enough = failures == raced.too_many() && failures <= failed;
    if !(enough || stopped && failures <= failed) {
        let entrants = raced.tasks.len();
        notes.say(
            all,
            format_args!(
                "lost with {failures} failures; {failed} of {entrants} had failed, {values} had a value"
            ),
        );
    }
}

/// The place of the end by which the race was decided: the last value that was wanted, or the
/// failure that was one too many.
fn decided_at(notes: &Notes<'_>, raced: &Raced) -> Option<usize> {
    let nth = |finish: Finish, count: usize| {
        let of = |task: &usize| notes.place(*task, |event| *event == TaskEvent::Over(finish));
        let mut places: Vec<_> = notes.tasks.keys().filter_map(of).collect();
        places.sort_unstable();
        places.get(count.checked_sub(1)?).copied()
    };
    let ends = [nth(Finish::Value, raced.wanted), nth(Finish::Failing, raced.too_many())];
    ends.into_iter().flatten().min()
}

/// A task that waits for its stop hears it, when the event at `place` has made it due. A task that
/// the watcher stopped is not judged, because the watcher may come before the stop: a scope tells
/// its services after its workers and the jobs of its pools are home, and these may wait for the
/// watcher.
pub(super) fn deaf(index: &Index<'_>, notes: &Notes<'_>, place: usize, all: &mut Vec<Violation>) {
    let due = index.events[place].at + SLOW;
    for task in notes.tasks.keys() {
        let late =
            |(finish, over): &(Finish, usize)| *finish == Finish::Value && index.events[*over].at > due;
        if notes.over(*task).iter().any(late) {
            say(
                all,
                Property::Seen,
                format!("task {task} of work {} did not hear that the others had decided", notes.id),
            );
        }
    }
}

/// The context of the caller of a step.
fn context(index: &Index<'_>, id: Id) -> Id {
    index.kin.get(id).map_or(0, |person| match person.kind {
        Kind::Scope(_) => id,
        _ => person.context,
    })
}

//! Owns the events of the tasks of one piece of work, by task.
//! Refuses to judge them: `work` does.

use std::collections::BTreeMap;

use super::super::index::Index;
use super::super::log::{Finish, Gave, TaskEvent, What};
use super::super::tree::Id;
use super::{Property, Violation, say};

/// The events of the tasks of one step, by task, with their places.
pub(super) struct Notes<'a> {
    pub(super) id: Id,
    pub(super) tasks: BTreeMap<usize, Vec<(usize, &'a TaskEvent)>>,
}

impl<'a> Notes<'a> {
    pub(super) fn of(index: &Index<'a>, id: Id) -> Notes<'a> {
        let mut tasks: BTreeMap<usize, Vec<_>> = BTreeMap::new();
        for place in index.places(id) {
            if let What::Task(task, event) = &index.events[*place].what {
                tasks.entry(*task).or_default().push((*place, event));
            }
        }
        Notes { id, tasks }
    }

    pub(super) fn place(&self, task: usize, is: impl Fn(&TaskEvent) -> bool) -> Option<usize> {
        self.tasks.get(&task)?.iter().find(|(_, event)| is(event)).map(|(place, _)| *place)
    }

    /// The numbers and places of the beginnings of a task's runs.
    pub(super) fn begun(&self, task: usize) -> Vec<(u64, usize)> {
        let begun = self.tasks.get(&task).into_iter().flatten().filter_map(|(place, event)| match event {
            TaskEvent::Begun { run } => Some((*run, *place)),
            _ => None,
        });
        begun.collect()
    }

    /// The ends and places of a task's runs.
    pub(super) fn over(&self, task: usize) -> Vec<(Finish, usize)> {
        let over = self.tasks.get(&task).into_iter().flatten().filter_map(|(place, event)| match event {
            TaskEvent::Over(finish) => Some((*finish, *place)),
            _ => None,
        });
        over.collect()
    }

    pub(super) fn answers(&self, task: usize) -> Vec<&'a Gave> {
        let answers = self.tasks.get(&task).into_iter().flatten().filter_map(|(_, event)| match event {
            TaskEvent::Answered(gave) => Some(gave),
            _ => None,
        });
        answers.collect()
    }

    pub(super) fn ended(&self, task: usize, finish: Finish) -> bool {
        self.over(task).iter().any(|(over, _)| *over == finish)
    }

    /// The largest number of tasks that were running at once.
    pub(super) fn at_once(&self) -> usize {
        let mut changes: Vec<(usize, isize)> = Vec::new();
        for task in self.tasks.keys() {
            changes.extend(self.begun(*task).iter().map(|(_, place)| (*place, 1)));
            changes.extend(self.over(*task).iter().map(|(_, place)| (*place, -1)));
        }
        changes.sort_unstable();
        let running = changes.iter().scan(0_isize, |now, (_, change)| {
            *now += change;
            Some(*now)
        });
        running.max().unwrap_or(0).unsigned_abs()
    }

    pub(super) fn say(&self, all: &mut Vec<Violation>, why: impl std::fmt::Display) {
        say(all, Property::Work, format!("work {}: {why}", self.id));
    }
}

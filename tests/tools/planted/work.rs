//! Wrong observations of work.

use homebound::AtStop;
use homebound::work::Strategy;
use homebound_testing::{
    Care, Decided, Errors, Finish, Gave, Observed, Property, Raced, Step, Stop, Task, TaskEvent, Trade, Tree,
    Via, What, Work,
};

use super::{Act, Event, Id, error, place, rejected, remove, right, tree, wait};

fn work(id: Id, trade: Trade, tasks: Vec<Task>) -> Step {
    Step { id, act: Act::Employ(Work { via: Via::InScope(0), trade, width: 1, tasks }) }
}

/// Work, and a join of it.
fn joined(trade: Trade, tasks: Vec<Task>) -> Tree {
    tree(vec![work(1, trade, tasks), Step { id: 2, act: Act::Join(1, Errors::Ignore) }])
}

fn note(observed: &mut Observed, at: usize, task: usize, event: TaskEvent) {
    let found = &observed.events[at];
    let event = Event { node: 1, at: found.at, what: What::Task(task, event) };
    observed.events.insert(at, event);
}

fn is(event: TaskEvent, task: usize) -> impl Fn(&What) -> bool {
    move |what| matches!(what, What::Task(number, seen) if *number == task && *seen == event)
}

#[test]
fn a_job_that_runs_twice() {
    let mut observed = right(&joined(Trade::Pool(AtStop::Drop), vec![Task::Value, Task::Value]));
    let at = place(&observed, 1, is(TaskEvent::Gone, 0));
    note(&mut observed, at, 0, TaskEvent::Begun { run: 1 });
    note(&mut observed, at + 1, 0, TaskEvent::Over(Finish::Value));
    rejected(&observed, Property::Work, "task 0 ran 2 times");
}

#[test]
fn a_job_that_is_lost() {
    let mut observed = right(&joined(Trade::Pool(AtStop::Drop), vec![Task::Value]));
    remove(&mut observed, 1, is(TaskEvent::Begun { run: 1 }, 0));
    remove(&mut observed, 1, is(TaskEvent::Over(Finish::Value), 0));
    rejected(&observed, Property::Work, "task 0 was taken and never ran");
}

#[test]
fn a_job_that_outlives_its_scope() {
    let mut observed = right(&joined(Trade::Pool(AtStop::Drop), vec![Task::Value]));
    let gone = remove(&mut observed, 1, is(TaskEvent::Gone, 0));
    observed.events.push(gone);
    rejected(&observed, Property::Home, "task 0 of work 1 was still there");
}

#[test]
fn a_job_whose_failure_is_lost() {
    // Without a join, the failure of a job with a handle is the scope's.
    let mut observed = right(&tree(vec![work(1, Trade::Pool(AtStop::Drop), vec![Task::Value, Task::Error])]));
    error(&mut observed).failures.clear();
    rejected(&observed, Property::Listed, "the failure of step 1 is not in the result");
}

#[test]
fn a_member_that_is_never_given() {
    let mut observed = right(&joined(Trade::JoinSet, vec![Task::Value, Task::Value]));
    remove(&mut observed, 1, is(TaskEvent::Answered(Gave::Value), 1));
    rejected(&observed, Property::Work, "never gave member 1");
}

#[test]
fn a_member_that_is_given_twice() {
    let mut observed = right(&joined(Trade::JoinSet, vec![Task::Value]));
    let at = place(&observed, 1, is(TaskEvent::Answered(Gave::Value), 0));
    note(&mut observed, at, 0, TaskEvent::Answered(Gave::Value));
    rejected(&observed, Property::Work, "given 2 times");
}

#[test]
fn a_run_beside_another() {
    let mut observed = right(&joined(Trade::Restart, vec![Task::Flaky]));
    let over = remove(&mut observed, 1, is(TaskEvent::Over(Finish::Failing), 0));
    let second = place(&observed, 1, is(TaskEvent::Begun { run: 2 }, 0));
    observed.events.insert(second + 1, over);
    rejected(&observed, Property::Work, "began beside another");
}

#[test]
fn a_value_that_nothing_returned() {
    let mut observed = right(&joined(Trade::Restart, vec![Task::Error]));
    let at = place(&observed, 1, |what| matches!(what, What::Task(0, TaskEvent::Answered(_))));
    observed.events[at].what = What::Task(0, TaskEvent::Answered(Gave::Failure(1)));
    for _ in 0..3 {
        let at = place(&observed, 1, is(TaskEvent::Over(Finish::Failing), 0));
        observed.events[at].what = What::Task(0, TaskEvent::Over(Finish::Value));
    }
    rejected(&observed, Property::Work, "given as a failure, and nothing had failed");
}

#[test]
fn results_in_another_order() {
    let mapped = homebound_testing::Mapped {
        width: 2,
        tasks: vec![Task::Value, Task::Value],
        body: None,
        errors: Errors::Ignore,
    };
    let mut observed = right(&tree(vec![Step { id: 1, act: Act::Map(mapped) }]));
    let at = place(&observed, 1, |what| matches!(what, What::Collected(_)));
    observed.events[at].what = What::Collected(vec![1, 0]);
    rejected(&observed, Property::Work, "it gave [1, 0] for 2 items");
}

#[test]
fn a_race_that_the_wrong_one_wins() {
    let raced = Raced { wanted: 1, tasks: vec![Task::Error, Task::Linger], errors: Errors::Ignore };
    let mut observed = right(&tree(vec![Step { id: 1, act: Act::Race(raced) }, wait(2)]));
    let at = place(&observed, 1, |what| matches!(what, What::Decided(_)));
    observed.events[at].what = What::Decided(Decided::Won(vec![0]));
    rejected(&observed, Property::Work, "entrant 0 has won, without a value");
}

#[test]
fn a_quorum_of_too_few() {
    let raced = Raced { wanted: 2, tasks: vec![Task::Value, Task::Linger], errors: Errors::Ignore };
    let mut observed = right(&tree(vec![Step { id: 1, act: Act::Race(raced) }]));
    let at = place(&observed, 1, |what| matches!(what, What::Decided(_)));
    observed.events[at].what = What::Decided(Decided::Won(vec![0]));
    rejected(&observed, Property::Work, "1 have won, and 2 were wanted");
}

#[test]
fn a_wait_that_sleeps_until_the_run_is_stopped() {
    let mut observed = right(&tree(vec![Step { id: 1, act: Act::Stop(0) }, wait(2)]));
    let woken = place(&observed, 0, |what| matches!(what, What::Woken { .. }));
    let rescue = What::Stopping { target: 0, how: Stop::Because };
    let at = observed.events[woken].at;
    observed.events.insert(woken, Event { node: 0, at, what: rescue });
    rejected(&observed, Property::Seen, "the wait of step 0 slept through its stop");
}

#[test]
fn a_job_that_is_dropped_by_a_pool_that_drains() {
    let jobs = vec![Task::Wait, Task::Value];
    let pool = work(1, Trade::Pool(AtStop::Drain), jobs);
    let mut observed = right(&tree(vec![pool, Step { id: 2, act: Act::Stop(0) }]));
    remove(&mut observed, 1, is(TaskEvent::Begun { run: 1 }, 1));
    remove(&mut observed, 1, is(TaskEvent::Over(Finish::Value), 1));
    rejected(&observed, Property::Work, "task 1 was dropped, and its pool was to drain");
}

#[test]
fn a_restart_that_is_not_counted() {
    let care = Care { strategy: Strategy::OneForOne, vital: true, hasty: false };
    let mut observed = right(&joined(Trade::Supervisor(care), vec![Task::Flaky]));
    let at = place(&observed, 1, |what| matches!(what, What::Restarts(2)));
    observed.events[at].what = What::Restarts(1);
    rejected(&observed, Property::Work, "it said 1 restarts, and made 2, for 2 failures");
}

#[test]
fn a_sibling_that_outlasts_a_vital_child() {
    let care = Care { strategy: Strategy::OneForOne, vital: true, hasty: false };
    let mut observed = right(&joined(Trade::Supervisor(care), vec![Task::Value, Task::Wait]));
    let ended = place(&observed, 1, is(TaskEvent::Over(Finish::Value), 0));
    let late = observed.events[ended].at + std::time::Duration::from_secs(2);
    let over = place(&observed, 1, |what| matches!(what, What::Task(1, TaskEvent::Over(_))));
    observed.events[over].at = late;
    observed.events[over].what = What::Task(1, TaskEvent::Over(Finish::Value));
    rejected(&observed, Property::Seen, "task 1 of work 1 did not hear");
}

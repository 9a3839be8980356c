//! Owns the work of a tree as Rust code: pools, sets, supervisors, restarts, maps and races.
//! Refuses to know the steps around it: `print` does.

use std::time::Duration;

use homebound::AtStop;
use homebound::work::Strategy;

use super::print::{PURPOSE, braced, handed_on, millis, place, spelled};
use super::task::DEAF;
use super::tree::{Errors, Id};
use super::work::{GIVES_UP_AT, Mapped, Raced, Task, Trade, WAITS, Work};

const DRAIN: &str = ".at_stop(AtStop::Drain)";

/// The expression of an `Option` with the handle.
pub(super) fn employ(id: Id, work: &Work, cx: &str) -> String {
    let at = place(work.via);
    let mut lines = String::new();
    match work.trade {
        Trade::Pool(at_stop) => {
            let (width, drain) = (work.width, if at_stop == AtStop::Drain { DRAIN } else { "" });
            lines += &format!(
                "let pool = {at}.pool(\"w{id}\", {PURPOSE}).threads({width}).queue(1){drain}.start();\n"
            );
            lines += "pool.ok().map(|pool| {\n    let mut jobs = Vec::new();\n";
            for (number, task) in work.staff() {
                let (by_handle, task) = (number % 2 == 1, closure(id, task));
                lines += &match work.begin_within(number).map(millis_of) {
                    _ if !by_handle => format!("    let _ = pool.execute({cx}, {task});\n"),
                    None => format!("    jobs.extend(pool.submit({cx}, {task}));\n"),
                    Some(limit) => format!("    jobs.extend(pool.submit_within({cx}, {limit}, {task}));\n"),
                };
            }
            lines += "    jobs.extend(None::<homebound::Job<()>>);\n    (pool, jobs)\n})";
        }
        Trade::JoinSet => {
            lines += "let mut set = JoinSet::<()>::new();\n";
            let in_scope = at.starts_with(['s', 'g']);
            if !in_scope {
                lines +=
                    &format!("let pool = {at}.pool(\"w{id}\", {PURPOSE}).threads(2).queue(1).start();\n");
                lines += "if let Ok(pool) = &pool {\n";
            }
            for (_, task) in work.staff() {
                let task = closure(id, task);
                lines += &match in_scope {
                    true => format!("let _ = set.spawn({}, \"w{id}\", {PURPOSE}, {task});\n", lent(&at)),
                    false => format!("    let _ = set.submit(pool, {cx}, {task});\n"),
                };
            }
            lines += if in_scope { "" } else { "}\n" };
            lines += "Some(set)";
        }
        Trade::Supervisor(care) => {
            let strategy = match care.strategy {
                Strategy::RestForOne => "RestForOne",
                Strategy::OneForAll => "OneForAll",
                _ => "OneForOne",
            };
            lines += &format!("{at}.supervisor(\"w{id}\", {PURPOSE}).strategy(Strategy::{strategy})\n");
            for (number, task) in work.staff() {
                let task = patient(id, task, work.patience());
                lines += &match care.vital && number == 0 {
                    true => format!("    .add(Child::new(\"c0\", {PURPOSE}, {task}).vital())\n"),
                    false => format!("    .child(\"c{number}\", {PURPOSE}, {task})\n"),
                };
            }
            if care.hasty {
                lines += &format!("    .child_grace({})\n", millis(1));
            }
            lines += &format!("    .restart({}).start().ok()", policy());
        }
        Trade::Restart => {
            let task =
                work.staff().next().map_or_else(|| closure(id, Task::Value), |(_, task)| closure(id, task));
            lines += &format!(
                "{at}.thread(\"w{id}\", {PURPOSE}).restart({})\n    .spawn::<(), _>({task}).ok()",
                policy()
            );
        }
    }
    braced(&lines)
}

/// A reference to the scope that a variable stands for: `s0` is one, `g4` owns its group.
fn lent(at: &str) -> String {
    if at.starts_with('g') { format!("&{at}") } else { at.to_owned() }
}

fn policy() -> String {
    format!(
        "Restart::on_failure().no_backoff().intensity(100, Duration::from_secs(60)).give_up_after({GIVES_UP_AT})"
    )
}

/// As [`closure`], for a task that waits so long for its stop.
fn patient(id: Id, task: Task, waits: u64) -> String {
    match task {
        Task::Wait => format!("|cx: &Context| Ok(cx.sleep({})?)", millis(waits)),
        task => closure(id, task),
    }
}

fn millis_of(limit: Duration) -> String {
    millis(limit.as_millis() as u64)
}

fn closure(id: Id, task: Task) -> String {
    match task {
        Task::Value => "|_| Ok(())".to_owned(),
        Task::Error => format!("|_| Err(\"step {id} fails\".into())"),
        Task::Panic => format!("|_| panic!(\"step {id} panics\")"),
        Task::Flaky => format!(
            "|cx: &Context| match cx.run_number() {{\n    1..{GIVES_UP_AT} => Err(\"step {id} fails\".into()),\n    _ => Ok(()),\n}}"
        ),
        Task::Wait => patient(id, task, WAITS),
        Task::Linger => format!("|_| Ok(drop(never::<()>().recv_timeout({})))", millis(DEAF)),
    }
}

pub(super) fn stop(trade: Trade) -> &'static str {
    match trade {
        Trade::Pool(_) => "t.0.stop()",
        Trade::JoinSet => "t.stop_all()",
        Trade::Supervisor(_) | Trade::Restart => "t.stop()",
    }
}

pub(super) fn join(trade: Trade, errors: Errors, cx: &str) -> String {
    match trade {
        Trade::Pool(_) => {
            "for job in t.1 {\n    let _ = job.join();\n}\n".to_owned() + &handed_on("t.0.close()", errors)
        }
        Trade::JoinSet => format!("let mut t = t;\nwhile let Ok(Some(_)) = t.next({cx}) {{}}"),
        Trade::Supervisor(_) | Trade::Restart => handed_on("t.join()", errors),
    }
}

/// A `match` over the number of the item.
fn tasks(id: Id, tasks: &[Task]) -> String {
    let last = tasks.len().saturating_sub(1);
    let arms = tasks.iter().enumerate().map(|(number, task)| {
        let number = if number == last { "_".to_owned() } else { number.to_string() };
        let ended = match task {
            Task::Value => "Ok(number)".to_owned(),
            Task::Panic => format!("panic!(\"step {id} panics\")"),
            // A run of a map or a race is the first of its task.
            Task::Error | Task::Flaky => format!("Err(\"step {id} fails\".into())"),
            Task::Wait => format!("Ok(cx.sleep({}).map(|_| number)?)", millis(WAITS)),
            Task::Linger => {
                format!(
                    "{{\n        let _ = never::<()>().recv_timeout({});\n        Ok(number)\n    }}",
                    millis(DEAF)
                )
            }
        };
        format!("    {number} => {ended},\n")
    });
    format!("|{}: &Context, number| match number {{\n{}}}", own(tasks), arms.collect::<String>())
}

fn own(tasks: &[Task]) -> &'static str {
    if tasks.contains(&Task::Wait) { "cx" } else { "_" }
}

pub(super) fn map(id: Id, mapped: &Mapped, body: Option<String>, cx: &str) -> String {
    let (name, count) = (
        if body.is_some() { "map_stream::<_, usize, _, _, _>" } else { "map::<_, usize, _>" },
        mapped.tasks.len(),
    );
    let head = format!(
        "{cx}.{name}(\"w{id}\", {PURPOSE}, {}, 0..{count}usize, {}",
        mapped.width,
        tasks(id, &mapped.tasks)
    );
    let Some(body) = body else { return head + ")" };
    // The closure around the steps takes the errors that these pass on.
    let steps = format!("let _ = (|| -> homebound::Result {})();\n", braced(&(body + "Ok(())")));
    let inside = format!(
        "let mut all = Vec::from_iter(results.next().and_then(Result::ok));\n{steps}all.extend(results.map_while(Result::ok));\nOk(all)"
    );
    format!("{head}, |{}, results| {})", spelled("cx", id, &inside), braced(&inside))
}

pub(super) fn race(id: Id, raced: &Raced, cx: &str) -> String {
    let entrants = raced.tasks.iter().enumerate().map(|(number, task)| {
        let task = patient(id, *task, raced.patience());
        format!("\n    .add(\"e{number}\", {PURPOSE}, {task})")
    });
    let (name, wanted) = match raced.wanted {
        1 => ("race", String::new()),
        wanted => ("quorum", format!("{wanted}, ")),
    };
    format!("{cx}.{name}(\"w{id}\", {wanted}Race::<()>::new(){})", entrants.collect::<String>())
}

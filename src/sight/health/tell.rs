//! Owns the lines about a thread's health.
//! Refuses to decide when one is due. A line is a call of the program's subscriber, so *stopper*
//! makes it with its other calls.

use std::sync::Arc;
use std::time::Instant;

use crate::outcome::status::pulse::{Alarm, AlarmLevel};
use crate::outcome::words::Span;
use crate::rt::contain::log_contained;
use crate::rt::shown::{Shown, shown};
use crate::sight::health::judge::Line;
use crate::sight::warning;
use crate::stop::calls::Calls;
use crate::tree::record::Record;
use crate::tree::waiting::Wait;

/// Adds the call that logs this line about a thread, which is in `wait` now. `stack`: with the
/// stack of the thread, which takes time.
pub(super) fn line(record: Arc<Record>, wait: Option<Wait>, line: Line, stack: bool, calls: &mut Calls) {
    calls.add(Calls::log(move || match line {
        Line::Alarm(alarm) => tell_alarm(&record, wait.as_ref(), &alarm, stack),
        Line::Over(alarm) => tell_over(&record, &alarm),
    }));
}

fn tell_alarm(record: &Record, wait: Option<&Wait>, alarm: &Alarm, stack: bool) {
    // When the line is made, and not in the look: this reads files, and may take long.
    let seen = warning::look(record, stack);
    let (waits, last) = (wait.map(|wait| Shown(wait).to_string()), last_line(record));
    let path = record.path_now();
    let since = Span(alarm.since.elapsed()).to_string();
    let expected = alarm.expected_every.map(|every| Span(every).to_string()).unwrap_or_default();
    // Only an expectation can find a thread stuck that is on a processor.
    let text = match (alarm.level, alarm.expected_every) {
        (_, Some(_)) => "stuck: no checkpoint, wait or beat in the time that was expected",
        (AlarmLevel::Stuck, None) => "stuck: blocked outside of homebound",
        (AlarmLevel::Warned, None) => "blocked outside of homebound",
    };
    let is_warning = (alarm.level, alarm.expected_every) == (AlarmLevel::Warned, None);
    // The macros need the level as a constant.
    macro_rules! say {
        ($say:ident) => {
            tracing::$say!(
                target: "homebound::health",
                path = &*shown(&path),
                thread.name = &*shown(&record.label.name),
                thread.id = record.id.0,
                purpose = &*shown(&record.label.purpose),
                spawned_from = %record.label.at,
                since,
                expected_every = expected,
                waits = waits.unwrap_or_default(),
                last_line = last,
                kernel_wait = seen.kernel_wait,
                system_call = &*shown(&seen.system_call),
                cpu = seen.cpu,
                stack = &*shown(&seen.stack),
                "{text}"
            )
        };
    }
    log_contained(|| if is_warning { say!(warn) } else { say!(error) });
}

fn tell_over(record: &Record, alarm: &Alarm) {
    let after = Span(Instant::now().saturating_duration_since(alarm.since)).to_string();
    log_contained(|| {
        tracing::info!(
            target: "homebound::health",
            path = &*shown(record.path()),
            thread.name = &*shown(&record.label.name),
            thread.id = record.id.0,
            after,
            "runs again"
        );
    });
}

/// The last line at which the thread was seen: its last sign of progress, or its last wait.
fn last_line(record: &Record) -> String {
    // A sign of progress first: it may be a checkpoint in the middle of work, long after a wait.
    let progress = record.vitals().and_then(|vitals| vitals.last()?.1);
    let wait = record.last_wait().map(|(what, at)| format!("{} at {at}", Shown(what)));
    progress.map(|at| at.to_string()).or(wait).unwrap_or_default()
}

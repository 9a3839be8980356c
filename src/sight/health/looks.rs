//! Owns the health looks: when *stopper* makes one, what it reads, and what follows from it.
//! Refuses to judge (`judge` does), to end the process (its caller does), and to make a call of the
//! program's: lines and drops join the calls of *stopper*.
//!
//! A look costs the threads nothing: it reads the waits that are in their records, and the kernel's
//! counters of the few threads that are in none. *stopper* looks, and not *watch*, because `/proc`
//! may block, and a record that is dropped may hold a value of the program's. While *stopper* is in
//! the program's code, no look is made; the next one is late, and starts anew.

use std::sync::Arc;
use std::time::Instant;

use crate::outcome::reason::{Stop, StopReason};
use crate::outcome::status::id::ThreadId;
use crate::outcome::status::pulse::{AlarmLevel, Pulse};
use crate::outcome::status::snapshot::Role;
use crate::rt::index::Index;
use crate::rt::order::sort_by_key;
use crate::rt::time::after;
use crate::sight::health::crowd::{Crowd, Group, crowd};
use crate::sight::health::judge::{Expected, Line, Memory, Reading, Said, Sleep};
use crate::sight::health::settings::{Health, OnStuck};
use crate::sight::health::tell;
use crate::stop::calls::Calls;
use crate::sys::{self, pulse};
use crate::tree::board::Finding;
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;
use crate::tree::root::Looking;

/// Number of threads that one look reads the kernel's counters of. The next look goes on behind
/// them.
const MOST: usize = 1000;

/// Number of lines of one look that have a stack, which may take a third of a second each.
const STACKS: usize = 4;

/// The memory of the looks.
pub(crate) struct Looks {
    settings: Health,
    /// The program has asked for looks at all threads. Otherwise only threads that have said what
    /// to expect of them are looked at.
    at_all: bool,
    /// When the next look is due. `None` if nothing is to be looked at.
    at: Option<Instant>,
    /// Signs of progress before this do not count against a thread: the end of a suspension.
    awake_since: Option<Instant>,
    known: Index<Known>,
    /// The last thread whose counters were read.
    last_read: ThreadId,
}

/// A thread, between two looks.
#[derive(Default)]
struct Known {
    memory: Memory,
    pulse: Option<Pulse>,
    /// The pulse is of this look.
    is_fresh: bool,
    /// Of a thread with an alarm, for the line that says that it is over.
    record: Option<Arc<Record>>,
}

impl Looks {
    /// Looks at all threads.
    pub(crate) fn at_all(settings: Health) -> Box<dyn Looking> {
        let at = Some(after(Instant::now(), settings.look_every));
        Box::new(Looks { at, ..Looks::new(settings, true) })
    }

    /// Looks at threads that have said what to expect of them.
    pub(crate) fn at_expecting() -> Box<dyn Looking> {
        Box::new(Looks::new(Health::default(), false))
    }

    fn new(settings: Health, at_all: bool) -> Looks {
        let (at, awake_since, known) = (None, None, Index::new());
        Looks { settings, at_all, at, awake_since, known, last_read: ThreadId(0) }
    }

    /// One look, at the moment at which it was found to be late or in time. A suspension after
    /// that moment makes the next look late, and none of its time is seen in this one.
    fn look(
        &mut self,
        core: &Arc<ScopeCore>,
        (now, is_late): (Instant, bool),
        end: &dyn Fn(&Record, u8) -> Calls,
        calls: &mut Calls,
    ) -> Option<Instant> {
        let Crowd { mut groups, is_partial, awaits } = crowd(core);
        groups.retain(|_, group| self.at_all || group.record.expects());
        let blind = blindness();
        for known in self.known.values_mut() {
            // `read` sets it again for the threads whose counters it reads in this look.
            known.is_fresh = false;
            if blind.is_some() {
                known.pulse = None;
                known.memory.forget_counters();
            }
            if is_late {
                // The process was suspended, or got no processor: nothing is claimed.
                known.pulse = None;
                known.memory.start_anew();
            }
        }
        if is_late {
            self.awake_since = Some(now);
        }
        self.forget_absent(&groups, is_late || is_partial, calls);
        // The counters of a late look would cover a time of unknown length.
        if !is_late && blind.is_none() {
            self.read(&groups, now);
        }
        // A look follows even if no expectation is due for long, because a suspension is noticed
        // only by looks that were to come soon. A partial look needs another look as well, because
        // no news comes of a thread that was missing in it.
        let goes_on = self.at_all || is_partial || awaits || !groups.is_empty();
        let mut next = goes_on.then(|| after(now, self.settings.look_every));
        let (mut found, sees) = (Index::new(), self.at_all && blind.is_none());
        let (mut stacks, mut lines) = (STACKS, Vec::new());
        for group in groups.values() {
            let known = self.known.get_or_insert_with(group.record.id.0, Known::default);
            if !is_late {
                let (line, again) = judge(known, group, self.awake_since, now, &self.settings);
                next = next.into_iter().chain(again).min();
                if let Some(line) = line {
                    // Few of them, so that the stacks do not hold up the other lines.
                    let stack = matches!(line, Line::Alarm(_)) && stacks > 0;
                    stacks -= usize::from(stack);
                    lines.push((group, line, stack));
                }
            }
            // After the judgement, so that views show the alarm of this look. Also in a late look,
            // because an alarm from before stays.
            put_up(known, group, sees, &mut found);
        }
        core.root.board.put_up(found, sees, blind.filter(|_| self.at_all));
        // After the findings are up: a thread that is told to stop because of an alarm, or hears of
        // its line, finds the alarm in views.
        for (group, line, stack) in lines {
            if let Some(known) = self.known.get_mut(group.record.id.0) {
                act(end, known, group, (line, stack), &self.settings, calls);
            }
        }
        // Last, and not by an ordinary drop: see `drop_later`.
        groups.into_values().for_each(|group| drop_later(group, calls));
        next
    }

    /// Forgets the threads that are in a known wait, or have ended: an alarm about one of them is
    /// over. `claims_nothing`: the look is late, or has not seen all threads. So it does not claim
    /// either that an alarm is over.
    fn forget_absent(&mut self, groups: &Index<Group>, claims_nothing: bool, calls: &mut Calls) {
        self.known.retain(|id, known| {
            let idle = |group: &Group| group.waits && !group.record.expects();
            if claims_nothing || groups.get(id).is_some_and(|group| !idle(group)) {
                return true;
            }
            // Warned or stuck -> well. The record was kept by `act`.
            let line = known.memory.over().zip(known.record.take());
            line.into_iter().for_each(|(line, record)| tell::line(record, None, line, false, calls));
            false
        });
    }

    /// Reads the counters of the threads that are in no known wait, of at most [`MOST`] of them.
    fn read(&mut self, groups: &Index<Group>, now: Instant) {
        let mut ids: Vec<_> =
            groups.values().filter(|group| !group.waits).map(|group| group.record.id).collect();
        if ids.len() > MOST {
            // Begins behind the last thread of the look before, and wraps around.
            sort_by_key(&mut ids, |id| *id);
            let first = ids.partition_point(|id| *id <= self.last_read);
            ids.rotate_left(first);
            ids.truncate(MOST);
            self.last_read = ids.last().copied().unwrap_or(ThreadId(0));
        }
        for group in ids.iter().filter_map(|id| groups.get(id.0)) {
            let known = self.known.get_or_insert_with(group.record.id.0, Known::default);
            known.pulse = reading(group, &known.memory).and_then(|read| known.memory.pulse(read, now));
            known.is_fresh = true;
        }
    }
}

impl Looking for Looks {
    fn attend(
        &mut self,
        core: &Arc<ScopeCore>,
        now: Instant,
        end: &dyn Fn(&Record, u8) -> Calls,
        calls: &mut Calls,
    ) -> Option<Instant> {
        // Pairs with `Board::has_news`.
        // Looks at all threads come anyway, and need no news.
        if core.root.board.take_news() && !self.at_all {
            // A look that is overdue stays so: news must not hide that the process was suspended.
            self.at = self.at.into_iter().chain([now]).min();
        }
        // `None`: there is nothing to look at. The next news sets it again.
        let at = self.at?;
        if now >= at {
            let is_late = now > after(at, self.settings.lateness());
            self.at = self.look(core, (now, is_late), end, calls);
        }
        self.at
    }
}

/// Why the kernel's counters cannot be read, by an attempt to read the caller's own.
fn blindness() -> Option<String> {
    let own = sys::thread_id()?;
    match pulse::counters(own) {
        Ok(Some(_)) => None,
        Ok(None) => Some("the pulse of threads: /proc/self/task has no counters of them".to_owned()),
        Err(error) => Some(format!("the pulse of threads: {error}")),
    }
}

/// Reads the kernel's counters of a thread. `None` if the thread is gone.
fn reading(group: &Group, memory: &Memory) -> Option<Reading> {
    let id = group.record.kernel_id()?;
    let counters = pulse::counters(id).ok()??;
    let sleep = memory.is_still(counters).then(|| match (pulse::state(id), pulse::channel(id)) {
        (Some(b'R'), _) => Sleep::Ready,
        // A wait for a stop among others is no block, although homebound does not see the wait.
        (Some(b'S'), _) if hears_a_stop(group) && pulse::may_select(id) => Sleep::Selects,
        (Some(b'S' | b'D' | b'I'), channel) => Sleep::In(channel),
        _ => Sleep::Unknown,
    });
    Some(Reading { counters, sleep })
}

/// True if the thread, or a scope around it, has asked for its stop as a channel or descriptor.
fn hears_a_stop(group: &Group) -> bool {
    group.records().any(|record| {
        let mut scopes = record.core.ancestors();
        record.node.is_lent() || scopes.any(|core| core.node.is_lent())
    })
}

/// Judges a thread. Returns the line that is due, and when to look at the thread again.
fn judge(
    known: &mut Known,
    group: &Group,
    awake_since: Option<Instant>,
    now: Instant,
    settings: &Health,
) -> (Option<Line>, Option<Instant>) {
    let said = said(group, awake_since);
    // A thread that was told to stop is judged by its grace. An alarm that is there stays, and
    // comes no further.
    if known.memory.alarm.is_none() && said.is_told {
        return (None, None);
    }
    // With more than `MOST` threads the pulse may be of an earlier look, and proves nothing now.
    let pulse = known.pulse.as_ref().filter(|_| known.is_fresh);
    match said.expected {
        Some(expected) => {
            let starved = pulse == Some(&Pulse::Starved);
            let (line, at) = known.memory.judge_expectation(expected, said.patience, starved, now, settings);
            (line, Some(at))
        }
        // Warned or stuck -> well: it waits.
        None if group.waits => (known.memory.over(), None),
        None => (known.memory.judge_pulse(pulse, &said, now, settings), None),
    }
}

fn said(group: &Group, awake_since: Option<Instant>) -> Said {
    let vitals = || group.records().filter_map(|record| record.vitals());
    // A pause before a run is none of the thread's time.
    let paused = group.record.wait().is_some_and(|wait| matches!(wait.of, crate::tree::waiting::Of::Run(_)));
    let own = group.record.vitals().filter(|_| !paused);
    let expected = own.and_then(|vitals| {
        let (last, _) = vitals.last()?;
        let counts_from = awake_since.map_or(last, |since| since.max(last));
        Some(Expected { every: vitals.every()?, last, counts_from })
    });
    let patience = vitals().filter_map(|vitals| vitals.patience()).map(|patience| patience.end(awake_since));
    Said { expected, patience: patience.max(), is_told: group.record.node.is_marked() }
}

/// Logs a line, with a stack or without, and does what the settings say about a stuck thread.
fn act(
    end: &dyn Fn(&Record, u8) -> Calls,
    known: &mut Known,
    group: &Group,
    (line, stack): (Line, bool),
    settings: &Health,
    calls: &mut Calls,
) {
    let record = &group.record;
    // Kept as long as the alarm, because the thread may be gone when the alarm is over.
    known.record = known.memory.alarm.as_ref().map(|_| Arc::clone(record));
    let is_stuck = matches!(&line, Line::Alarm(alarm) if alarm.level == AlarmLevel::Stuck);
    // The innermost wait, which tells most.
    let wait = group.records().rev().find_map(|record| record.wait());
    match settings.on_stuck {
        // An internal thread is in no scope of the program's.
        OnStuck::StopScope if is_stuck && record.role != Role::Internal => {
            // First of all: the stop is not held up by the subscriber.
            let node = &record.core.node;
            node.announce();
            calls.add(node.mark_for(Stop::new(StopReason::Stuck { path: record.path().to_owned() })));
            tell::line(Arc::clone(record), wait, line, stack, calls);
        }
        OnStuck::Exit(code) if is_stuck => {
            let after_the_line = end(record, code);
            tell::line(Arc::clone(record), wait, line, stack, calls);
            calls.add(after_the_line);
        }
        _ => tell::line(Arc::clone(record), wait, line, stack, calls),
    }
}

/// Adds the findings about a thread. `sees`: the program has asked for looks at all threads, and
/// the kernel can be read; otherwise no pulse is claimed.
fn put_up(known: &Known, group: &Group, sees: bool, found: &mut Index<Finding>) {
    let pulse = if group.waits { Some(Pulse::Waits) } else { known.pulse.clone() };
    let pulse = pulse.filter(|_| sees);
    // The bodies are on the same OS thread, so they share its pulse. The alarm is told once, in the
    // row of the thread.
    for record in group.records() {
        found.insert(record.id.0, Finding { pulse: pulse.clone(), alarm: None, still: known.memory.still() });
    }
    if let Some(own) = found.get_mut(group.record.id.0) {
        own.alarm.clone_from(&known.memory.alarm);
    }
}

/// Drops the records of a group. If one of these is the last reference, the thread has ended
/// meanwhile, and its record may hold a value of the program's.
fn drop_later(group: Group, calls: &mut Calls) {
    for record in std::iter::once(group.record).chain(group.bodies) {
        if let Some(last) = Arc::into_inner(record) {
            calls.add(Calls::log(move || drop(last)));
        }
    }
}

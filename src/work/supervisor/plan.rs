//! Owns the states of a supervisor's child, and the choice of what the supervisor does next.
//! Refuses to do it, and to know threads: this is plain data, and the caller passes the time.
//!
//! ```text
//!              its turn               ready, or no limit
//!   Due ----------------> Starting ----------------------> Up
//!    ^                     |    |                           |
//!    |  the run has ended, |    | it is told to end:        |
//!    |  and runs again     |    | swept, restarted, not     |
//!    +---------------------+    | ready in time, put down   |
//!    |                          v                           |
//!    |  it is down: Again     Told <------------------------+
//!    +--------------------------+
//!    |                          | it is down: Down
//!    +-----(restart)--- Down <--+
//!                        |      | it is down: Gone; or the run has ended, and is the last
//!                        +------+-------> out of the list
//! ```
//!
//! A *wish* says what becomes of a child that runs when its run is over. A child is *swept* if its
//! wish belongs to the restart of a sibling, or to the end of the supervisor: swept children are
//! told one at a time, the last one first. A swept child that has not been told yet has a wish
//! already, so its own end in between is no end to decide about.

use std::time::Instant;

/// The facts that a supervisor keeps about a child.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) state: State,
    /// The step to take when the present run is over. `None`: the policy decides.
    pub(super) wish: Option<Wish>,
    /// The wish waits for its turn among the siblings.
    pub(super) swept: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// No run is on. The next one begins at this instant or later; `alone`: whatever its siblings
    /// do.
    Due { at: Instant, alone: bool },
    /// A run is on, and has until then to say that it is ready.
    Starting { until: Instant },
    /// A run is on.
    Up,
    /// A run is on that was told to end. `until`: the instant from which on it is late.
    Told { until: Option<Instant> },
    /// No run is on, until the program asks for one.
    Down,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// Another run, as [`State::Due`] says.
    Again { at: Instant, alone: bool },
    /// The policy decides, as about a run that has failed.
    Judge,
    /// No run until the program asks for one.
    Down,
    /// It leaves the list.
    Gone,
}

/// The next step of the supervisor.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Tell this swept child to end.
    Tell(usize),
    /// Begin a run of this child.
    Start(usize),
    /// This child was told to end, and did not within its time.
    Late(usize),
    /// This child did not say in time that it is ready.
    NotReady(usize),
    /// Wait for a change, until then at most.
    Wait(Option<Instant>),
}

impl Seat {
    /// For a child whose first run begins now.
    pub(super) fn new(now: Instant, alone: bool) -> Seat {
        Seat { state: State::Due { at: now, alone }, wish: None, swept: false }
    }

    /// True while a run is on.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.state, State::Starting { .. } | State::Up | State::Told { .. })
    }
}

/// Chooses the next step. `ordered`: a child begins only when all children before it are up.
pub(super) fn next<S: AsRef<Seat>>(seats: &[S], ordered: bool, now: Instant) -> Step {
    let all = || seats.iter().map(AsRef::as_ref).enumerate();
    for (place, seat) in all() {
        match seat.state {
            // Late children first, because a late child may end the supervisor.
            State::Told { until: Some(until) } if until <= now => return Step::Late(place),
            State::Starting { until } if until <= now && !seat.swept => return Step::NotReady(place),
            _ => {}
        }
    }
    // One at a time, the last one first: the last swept child that is live is told or has to be.
    let swept = seats.iter().map(AsRef::as_ref).rposition(|seat| seat.swept && seat.is_live());
    if let Some(place) = swept.filter(|place| !matches!(seats[*place].as_ref().state, State::Told { .. })) {
        return Step::Tell(place);
    }
    // No child of a group begins while a sibling of the group is still to come home.
    let mut held = ordered && swept.is_some();
    let mut until: Option<Instant> = None;
    for (place, seat) in all() {
        let moment = match seat.state {
            // A run on purpose (`alone`) waits for no sibling.
            State::Due { at, alone } if alone || !held => {
                if at <= now {
                    return Step::Start(place);
                }
                Some(at)
            }
            State::Starting { until } => Some(until).filter(|_| !seat.swept),
            State::Told { until } => until,
            State::Due { .. } | State::Up | State::Down => None,
        };
        // The children after this one begin when it is up.
        held |= ordered && matches!(seat.state, State::Due { alone: false, .. } | State::Starting { .. });
        until = until.into_iter().chain(moment).min();
    }
    Step::Wait(until)
}

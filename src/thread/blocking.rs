//! Owns the blocking of a call that waits for threads: a join blocks here, and so does a call that
//! waits for a message or for the end of several threads.
//! Refuses to know what the caller does with the answer, and to say that the wait takes long:
//! `shutdown::long_wait` does. The end of a scope is awaited in `shutdown::order`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvError, RecvTimeoutError};

use crate::outcome::errors::error::WaitError;
use crate::rt::awake;
use crate::shutdown::long_wait::{For, LongWait};
use crate::stop::calls::Calls;
use crate::stop::node::Node;
use crate::stop::relay::Relay;
use crate::stop::select::until_stopped;
use crate::tree::record::Record;

/// Blocks by calling `wait` again and again, until it has an answer. `wait` returns `None` at the
/// moment that it is given, or earlier. Says meanwhile what is due. `None` at `end`.
///
/// Runs the program's subscriber, so the caller holds no lock.
pub(crate) fn wait<R>(
    of: For<'_>,
    end: Option<Instant>,
    mut wait: impl FnMut(Option<Instant>) -> Option<R>,
) -> Option<R> {
    // Computed once, at the beginning, because the whole time that the caller is ready to wait
    // decides whether the wait is warned of.
    let left = end.map(|end| end.saturating_duration_since(Instant::now()));
    let mut long = LongWait::new(of, left, awake::now());
    loop {
        // Until the caller's time is over, or until there is something to say, by the clock of the
        // system, which `wait` goes by.
        let answer = wait(end.into_iter().chain(long.next().map(awake::system)).min());
        // The answer before the clock, because an answer that comes at the last moment counts.
        if answer.is_some() || end.is_some_and(|end| Instant::now() >= end) {
            return answer;
        }
        long.attend(awake::now());
    }
}

/// Blocks until a thread has ended (true), or until `end` or `gives_up` (false). Pairs with
/// `come_home`, which sets `done` when the result is in its slot.
pub(crate) fn until_done(record: &Arc<Record>, end: Option<Instant>, gives_up: &dyn Fn() -> bool) -> bool {
    let done = wait(For::Thread(record), end, |until| {
        let done = record.done.wait(until, gives_up);
        // Not done, and not given up: the time until the next words is over, and the wait goes on.
        (done || gives_up()).then_some(done)
    });
    done.unwrap_or(false)
}

/// While it lives, a stop of `node` makes the waits of `until_done` for `record` ask again whether
/// they give up.
pub(crate) fn wake_on_stop(record: &Arc<Record>, node: &Arc<Node>) -> Relay {
    let record = Arc::clone(record);
    Relay::new(
        node,
        Box::new(move || {
            // Pairs with `until_done`: each thread that waits at the latch wakes, and asks
            // `gives_up`.
            record.done.look_again();
            Calls::default()
        }),
    )
}

/// Blocks until a message comes from the threads that the caller waits for, or until they have
/// dropped the other end. An error for the stop of `node`, and for `end`.
pub(crate) fn receive<T>(
    of: For<'_>,
    node: &Arc<Node>,
    end: Option<Instant>,
    from: &Receiver<T>,
) -> Result<Result<T, RecvError>, WaitError> {
    let received = wait(of, end, |until| {
        match until_stopped(node, until, |select| select.recv(from), |chosen| chosen.recv(from)) {
            // The time of this round is over. `wait` finds out whether the caller's is, too.
            Err(WaitError::TimedOut) => None,
            received => Some(received),
        }
    });
    received.unwrap_or(Err(WaitError::TimedOut))
}

/// Blocks until the threads that the caller waits for have dropped the other end.
pub(crate) fn until_gone(of: For<'_>, end: &Receiver<Infallible>) {
    wait(of, None, |until| match until.map(|until| end.recv_deadline(until)) {
        Some(Err(RecvTimeoutError::Timeout)) => None,
        Some(_) => Some(()),
        None => end.recv().err().map(drop),
    });
}

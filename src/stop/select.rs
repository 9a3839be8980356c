//! Owns the wait for a channel operation or the stop, whichever comes first.
//! Refuses to know which thread waits.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crossbeam_channel::{Select, SelectedOperation};

use crate::outcome::error::WaitError;
use crate::stop::listen::Keeper;
use crate::stop::node::Node;

/// Waits for an operation on a channel, until the context is stopped, or until `end`. `add` names the operation, `complete`
/// performs it.
pub(crate) fn until_stopped<'a, T>(
    node: &'a Arc<Node>,
    end: Option<Instant>,
    add: impl Fn(&mut Select<'a>) -> usize,
    complete: impl FnOnce(SelectedOperation<'a>) -> T,
) -> Result<T, WaitError> {
    loop {
        if node.is_stopping() {
            return Err(WaitError::Stopped(node.stopped()));
        }
        if end.is_some_and(|end| Instant::now() >= end) {
            return Err(WaitError::TimedOut);
        }
        let (stop, alert) = (node.signal(Keeper::Listener), node.alert_signal());
        // First it is a listener, then it asks for the end: see `listen`.
        let first = end.into_iter().chain(node.limit_end()).min();
        let mut select = Select::new_biased();
        let _first = select.recv(stop);
        let own = add(&mut select);
        let alerted = alert.map(|alert| (select.recv(alert), alert));
        let chosen = match first {
            None => Some(select.select()),
            Some(first) => select.select_deadline(first).ok(),
        };
        give_back_the_park_token();
        match (chosen, alerted) {
            (Some(chosen), _) if chosen.index() == own => return Ok(complete(chosen)),
            (Some(chosen), Some((index, alert))) if chosen.index() == index => drop(chosen.recv(alert)),
            (Some(chosen), _) => drop(chosen.recv(stop)),
            (None, _) => {}
        }
    }
}

/// A wait on a channel of `crossbeam` sleeps by `thread::park`, and takes the token of whoever unparks the thread meanwhile: that
/// one's wake-up would be lost (W4). Nobody can see whether that was so. So a token is given back in any case: `park` may
/// return without a cause, as its documentation says, but never sleeps through a cause.
fn give_back_the_park_token() {
    thread::current().unpark();
}

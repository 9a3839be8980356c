//! Owns the wait for a channel operation or the stop, whichever comes first.
//! Refuses to know which thread waits.
//!
//! # The taken token (W4)
//!
//! A wait on a channel of `crossbeam` sleeps by `thread::park`. If another thread of the program
//! unparks the sleeper meanwhile, the wait takes that token, and a later `park` of the program's
//! would sleep through its wake-up. The wait cannot see whether it took a token. So it gives one
//! back in any case: `park` may return without a cause, as its documentation says, but never
//! sleeps through a cause.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crossbeam_channel::{Select, SelectedOperation};

use crate::outcome::errors::error::WaitError;
use crate::stop::listen::Keeper;
use crate::stop::node::Node;

/// Waits until an operation on a channel is ready, the node is stopped, or `end` has come. The stop
/// wins over the other two (S7). `add` registers the operation, `complete` performs it.
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
        // Pairs with `wake_all` and `close`, which drop the senders of both channels.
        let (stop, alert) = (node.signal(Keeper::Listener), node.alert_signal());
        // The end is read after the alert is listened to, because an end that becomes known in
        // between wakes the select by the alert (*the end learned late*, in `alert`).
        let first = end.into_iter().chain(node.limit_end()).min();
        // Biased: of several that are ready, the first to be added is chosen, and that is the stop.
        let mut select = Select::new_biased();
        let _first = select.recv(stop);
        let own = add(&mut select);
        let alerted = alert.map(|alert| (select.recv(alert), alert));
        let chosen = match first {
            None => Some(select.select()),
            Some(first) => select.select_deadline(first).ok(),
        };
        give_back_the_park_token();
        // Without one the time is up: look again.
        let Some(chosen) = chosen else { continue };
        if chosen.index() == own {
            return Ok(complete(chosen));
        }
        // The end of a shield became known, or the stop came: look again.
        let channel = alerted.filter(|(index, _)| chosen.index() == *index).map_or(stop, |(_, alert)| alert);
        let _disconnected = chosen.recv(channel);
    }
}

/// Gives back the park token that the wait may have taken (*the taken token*, above).
fn give_back_the_park_token() {
    thread::current().unpark();
}

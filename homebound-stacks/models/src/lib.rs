//! Owns the models of the slot protocol: every order of the steps of requesters and handlers.
//! Refuses to model signals: a handler is a thread here, which is free to come at any time.
//!
//! A requester of a model looks at its slot so often, and then it is too late. So the models have
//! the orders in which the answer comes in time, too late, and while the requester leaves.
#![cfg(test)]

#[path = "../../src/linux/sys/slot.rs"]
mod slot;
mod words;

use loom::sync::Arc;
use loom::thread;
use slot::{Slot, Ticket};
use words::{AtomicU64, Place};

/// Two halves that belong together: a value of two requests would have different ones.
type Pair = [u64; 2];

fn slot() -> Arc<Slot<Pair>> {
    Arc::new(Slot { state: AtomicU64::new(0), value: Place::new([0; 2]) })
}

/// The handler of the signal for `ticket`, with a value that tells it apart.
fn handler(slot: &Arc<Slot<Pair>>, ticket: Ticket) -> thread::JoinHandle<bool> {
    let slot = slot.clone();
    thread::spawn(move || slot.fill(ticket, |value| *value = [ticket.0; 2]))
}

/// Looks `looks` times, then is too late.
fn take(slot: &Slot<Pair>, ticket: Ticket, looks: u32) -> Option<Pair> {
    let mut left = looks;
    let wait = |_: &AtomicU64, _: u64| {
        left = left.saturating_sub(1);
        // After the last look the requester leaves at once: others may be anywhere then.
        if left > 0 {
            thread::yield_now();
        }
        left > 0
    };
    slot.take(ticket, wait, |value| *value)
}

/// The copy that was read is the answer to this very request.
fn is_own(answer: Option<Pair>, ticket: Ticket) {
    if let Some(value) = answer {
        assert_eq!(value, [ticket.0; 2], "the answer of another request");
    }
}

/// No request is lost: after the last, the slot can be armed again.
fn is_free(slot: &Slot<Pair>) {
    assert!(slot.arm().is_some(), "the slot is lost");
}

#[test]
fn an_answer_is_read_or_is_late() {
    loom::model(|| {
        let slot = slot();
        let ticket = slot.arm().expect("it is free");
        let handler = handler(&slot, ticket);
        let answer = take(&slot, ticket, 2);
        is_own(answer, ticket);
        let was_written = handler.join().unwrap();
        assert!(answer.is_none() || was_written);
        is_free(&slot);
    });
}

#[test]
fn a_late_handler_does_not_write_into_the_next_request() {
    loom::model(|| {
        let slot = slot();
        let first = slot.arm().expect("it is free");
        let late = handler(&slot, first);
        is_own(take(&slot, first, 1), first);
        // The slot may still be written to: then it is not free.
        if let Some(second) = slot.arm() {
            assert_ne!(first, second);
            let handler = handler(&slot, second);
            is_own(take(&slot, second, 2), second);
            handler.join().unwrap();
        }
        late.join().unwrap();
        is_free(&slot);
    });
}

#[test]
fn two_requesters_do_not_share_a_slot() {
    loom::model(|| {
        let slot = slot();
        let other = {
            let slot = slot.clone();
            thread::spawn(move || {
                let Some(ticket) = slot.arm() else { return };
                slot.fill(ticket, |value| *value = [ticket.0; 2]);
                is_own(take(&slot, ticket, 1), ticket);
            })
        };
        if let Some(ticket) = slot.arm() {
            let handler = handler(&slot, ticket);
            is_own(take(&slot, ticket, 1), ticket);
            handler.join().unwrap();
        }
        other.join().unwrap();
        is_free(&slot);
    });
}

#[test]
fn a_signal_that_comes_twice_is_answered_once() {
    loom::model(|| {
        let slot = slot();
        let ticket = slot.arm().expect("it is free");
        let handlers = [handler(&slot, ticket), handler(&slot, ticket)];
        is_own(take(&slot, ticket, 2), ticket);
        let written = handlers.map(|handler| handler.join().unwrap());
        assert!(written != [true, true]);
        is_free(&slot);
    });
}

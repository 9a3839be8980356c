//! Owns the list of idle threads: by name, for those who look for one, and by age, for the limit.
//! Refuses to wake them.

use std::collections::HashMap;
use std::sync::Arc;

use super::by_id::ById;
use super::look::cores;
use super::seat::{Make, Name, Seat};

/// How many stay idle at least, if the processor has few cores.
const AT_LEAST: usize = 64;

/// Every seat in it is `Place::Idle` under its age, and in both maps; whoever takes one out has claimed it.
#[derive(Default)]
pub(super) struct Idle {
    /// The last in is the first out: it is the warmest.
    by_name: HashMap<Name, Vec<Arc<Seat>>>,
    /// The first has been idle for longest.
    by_age: ById<Arc<Seat>>,
    next_age: u64,
}

impl Idle {
    /// Adds a seat; returns the one that has been idle for longest if there are too many.
    pub(super) fn add(&mut self, seat: &Arc<Seat>) -> Option<Arc<Seat>> {
        seat.set_idle(self.next_age);
        self.by_age.insert(self.next_age, Arc::clone(seat));
        self.next_age += 1;
        self.by_name.entry(seat.name().clone()).or_default().push(Arc::clone(seat));
        let crowded = self.by_age.len() > AT_LEAST && self.by_age.len() > 2 * cores();
        let oldest = self.by_age.values().next().filter(|_| crowded).cloned();
        oldest.filter(|seat| self.remove(seat))
    }

    pub(super) fn take(&mut self, name: &str, make: Make) -> Option<Arc<Seat>> {
        let seats = self.by_name.get(name).filter(|_| !make.dedicated)?;
        let seat = seats.iter().rfind(|seat| seat.make() == make).cloned()?;
        self.remove(&seat).then_some(seat)
    }

    /// True if the seat was there: then the caller has claimed it.
    pub(super) fn remove(&mut self, seat: &Arc<Seat>) -> bool {
        let Some(seats) = self.by_name.get_mut(seat.name()) else { return false };
        // The end of the list is where spawners take from.
        let Some(place) = seats.iter().rposition(|other| Arc::ptr_eq(other, seat)) else { return false };
        seats.remove(place);
        if seats.is_empty() {
            self.by_name.remove(seat.name());
        }
        let age = seat.claim();
        debug_assert!(age.is_some(), "a listed seat is idle");
        age.is_some_and(|age| self.by_age.remove(age).is_some())
    }

    pub(super) fn take_all(&mut self) -> Vec<Arc<Seat>> {
        self.by_name.clear();
        let seats = std::mem::take(&mut self.by_age).into_values();
        seats.filter(|seat| seat.claim().is_some()).collect()
    }
}

//! Owns the fate of a picture that could not be made while `--watch` is on, because it may be whole
//! the next time.
//! Refuses to know when that is: the intake looks.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::pictures::{Picture, Stamp};
use crate::studio::Studio;
use crate::tally::{Problem, Ticket};

/// A bad picture that has not changed for this long is reported, because it will hardly become a
/// good one.
const LAST_WORD: Duration = Duration::from_secs(60);

/// A picture that is bad so far, with its place in the books.
///
/// If the value is dropped, the problem is reported, as with a ticket, so neither a stop nor a
/// missing intake loses one.
pub struct Setback<'a> {
    studio: &'a Studio,
    picture: Picture,
    since: Instant,
    problem: Problem,
    /// `None` when the problem has been reported.
    ticket: Option<Ticket<'a>>,
}

impl<'a> Setback<'a> {
    pub fn new(studio: &'a Studio, picture: Picture, problem: Problem, ticket: Ticket<'a>) -> Self {
        Setback { studio, picture, since: Instant::now(), problem, ticket: Some(ticket) }
    }

    /// The picture's name in the results.
    pub fn name(&self) -> &Path {
        &self.picture.name
    }

    /// True if it belongs to another version of the picture.
    pub fn is_not_of(&self, stamp: Stamp) -> bool {
        self.picture.stamp != stamp
    }

    /// Reports the problem if the picture has not changed for long.
    pub fn tell_if_old(&mut self) {
        let age = self.picture.stamp.modified.and_then(|at| at.elapsed().ok()).unwrap_or_default();
        if age.max(self.since.elapsed()) >= LAST_WORD {
            self.tell();
        }
    }

    /// The picture has changed. Returns its place in the books, for the next attempt.
    pub fn again(mut self) -> Ticket<'a> {
        match self.ticket.take() {
            Some(ticket) => ticket,
            None => self.studio.tally.reopen(&self.problem),
        }
    }

    /// The picture is gone, so it counts as dropped. A report that was made stays.
    pub fn forget(mut self) {
        self.ticket = None;
    }

    fn tell(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        match ticket.reopened() {
            // Each picture is reported once. The books have its present state.
            true => drop(self.studio.tally.problem(self.problem.clone())),
            false => self.studio.tell(self.problem.clone()),
        }
        ticket.failed();
    }
}

impl Drop for Setback<'_> {
    fn drop(&mut self) {
        self.tell();
    }
}

//! Owns the judgement of a run: properties, each a comparison of the events with the tree.
//! Refuses to panic and to ask the library, because the library's own statements are under
//! judgement.

mod home;
mod joined;
mod listed;
mod notes;
mod order;
mod race;
mod reason;
mod sums;
mod work;

use std::error::Error;
use std::fmt;

use super::index::Index;
use super::log::Observed;

/// A property that must hold in every run of every tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Property {
    /// The run comes to its end.
    Ends,
    /// No thread outlives its scope; no OS thread outlives the root. (P1, P2, E5)
    Home,
    /// No borrowed value is used after it is gone. (P1)
    Borrowed,
    /// Each failure is in the result of its scope, once. (P4, F3)
    Listed,
    /// A join gives what the thread returned. (P4)
    Given,
    /// The numbers of a report agree with each other and with what happened. (R2)
    Sum,
    /// The reason of a stop is the first cause. (S2, S3)
    Reason,
    /// Services end after their users, the last first. Deferred functions come after all threads.
    /// (E1)
    Order,
    /// Every stopped step sees the stop, and its waits end. (P5, S1)
    Seen,
    /// Jobs, members, children, items and entrants run as often, as many at once and in the order
    /// that their pool, set, supervisor, map or race promises, and give what they returned. (SV,
    /// JO, PO)
    Work,
}

/// A property that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The property.
    pub property: Property,
    /// The step, and the fault.
    pub message: String,
}

/// All violations of one run; never empty. Prints them, and the tree.
#[derive(Debug, Clone)]
pub struct Violations {
    /// In the order of the properties.
    pub all: Vec<Violation>,
    tree: String,
}

impl Observed {
    /// Judges the run, by the tree and the events alone.
    ///
    /// # Errors
    /// The properties that did not hold.
    pub fn check(&self) -> Result<(), Violations> {
        let index = Index::of(self);
        let mut all = Vec::new();
        if self.hung {
            let away = index.threads().filter(|t| index.started(*t).is_some() && index.gone(*t).is_none());
            let away: Vec<_> = away.map(|thread| format!("t{thread}")).collect();
            // The other properties are not judged, because their events are missing for that
            // reason.
            say(&mut all, Property::Ends, format!("it hangs; not home: {}", away.join(", ")));
        } else {
            home::check(&index, &mut all);
            listed::check(&index, &mut all);
            joined::check(&index, &mut all);
            sums::check(&index, &mut all);
            reason::check(&index, &mut all);
            order::check(&index, &mut all);
            work::check(&index, &mut all);
        }
        if all.is_empty() { Ok(()) } else { Err(Violations { all, tree: self.tree.to_string() }) }
    }
}

fn say(all: &mut Vec<Violation>, property: Property, message: String) {
    all.push(Violation { property, message });
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.property {
            Property::Ends => "does not end",
            Property::Home => "not home",
            Property::Borrowed => "used after it was gone",
            Property::Listed => "failures",
            Property::Given => "join",
            Property::Sum => "report",
            Property::Reason => "reason",
            Property::Order => "order",
            Property::Seen => "stop not seen",
            Property::Work => "work",
        };
        write!(f, "{what}: {}", self.message)
    }
}

impl Error for Violation {}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for violation in &self.all {
            writeln!(f, "{violation}")?;
        }
        write!(f, "in this tree:\n{}", self.tree)
    }
}

impl Error for Violations {}

//! Owns a row of the table: two sides, a goal, and whether it is met.
//! Refuses to print.

use crate::measure::Side;

/// The goal of a row. Compared as printed, to two decimals.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// Ours over the peer's, at most.
    Ratio(f64),
    /// Ours over the peer's, at least.
    AtLeast(f64),
    /// Ours less the peer's, at most, in the row's unit.
    Over(f64),
    /// Ours alone, at most, in the row's unit.
    Most(f64),
    /// For information.
    None,
}

pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) ours: Side,
    pub(crate) peer: Option<Side>,
    pub(crate) goal: Goal,
}

impl Row {
    /// A row from two sides, of which the first is ours and the second the peer.
    pub(crate) fn pair(
        id: &'static str,
        what: impl Into<String>,
        unit: &'static str,
        sides: &[Side],
        goal: Goal,
    ) -> Row {
        Row { id, what: what.into(), unit, ours: sides[0].clone(), peer: sides.get(1).cloned(), goal }
    }

    pub(crate) fn ratio(&self) -> Option<f64> {
        self.peer.as_ref().map(|peer| self.ours.median() / peer.median())
    }

    fn over(&self) -> Option<f64> {
        self.peer.as_ref().map(|peer| self.ours.median() - peer.median())
    }

    /// `None` where there is no goal.
    pub(crate) fn met(&self) -> Option<bool> {
        let printed = |value: f64| (value * 100.0).round() / 100.0;
        match self.goal {
            Goal::Ratio(most) => self.ratio().map(|ratio| printed(ratio) <= most),
            Goal::AtLeast(least) => self.ratio().map(|ratio| printed(ratio) >= least),
            Goal::Over(most) => self.over().map(|over| printed(over) <= most),
            Goal::Most(most) => Some(printed(self.ours.median()) <= most),
            Goal::None => None,
        }
    }

    /// The ratio or the difference, as the goal needs it.
    pub(crate) fn relation(&self) -> String {
        match (self.goal, self.ratio(), self.over()) {
            (Goal::Over(_), _, Some(over)) => format!("{over:+.2} {}", self.unit),
            (Goal::Most(_), ..) | (_, None, _) => "–".to_owned(),
            (_, Some(ratio), _) => format!("{ratio:.2}x"),
        }
    }

    pub(crate) fn goal_text(&self) -> String {
        match self.goal {
            Goal::Ratio(most) => format!("<= {most:.2}x"),
            Goal::AtLeast(least) => format!(">= {least:.2}x"),
            Goal::Over(most) => format!("<= +{most} {}", self.unit),
            Goal::Most(most) => format!("<= {most} {}", self.unit),
            Goal::None => "–".to_owned(),
        }
    }
}

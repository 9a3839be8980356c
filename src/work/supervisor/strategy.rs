//! Owns which children are restarted with one that has ended.
//! Refuses to stop and to start them: `keeper` does.

use std::fmt;
use std::ops::Range;

/// Which children are restarted when one of them has to be. The others are stopped first, the last
/// one first, each home before the next is told; then all are started in their order.
///
/// | children `a b c d`, and `b` fails | stopped | started |
/// |---|---|---|
/// | `OneForOne`: they do not need each other | | `b` |
/// | `RestForOne`: each may use those before it | `d`, `c` | `b`, `c`, `d` |
/// | `OneForAll`: none works without the others | `d`, `c`, `a` | `a`, `b`, `c`, `d` |
///
/// ```
/// use homebound::work::Strategy;
///
/// homebound::scope(|scope| {
///     let sup = scope.supervisor("ingest", "keeps the feed and its parser");
///     let sup = sup.strategy(Strategy::RestForOne);
///     let sup = sup.child("feed", "reads", |cx| Ok(drop(cx.wait_for_stop())));
///     sup.child("parser", "parses", |cx| Ok(drop(cx.wait_for_stop()))).start()?;
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Strategy {
    /// Only the child that has ended.
    #[default]
    OneForOne,
    /// That child, and all that stand after it.
    RestForOne,
    /// All children.
    OneForAll,
}

impl Strategy {
    /// The places of the children that are restarted with the one at `place`, itself included, if
    /// there are `count`.
    pub(super) fn affected(self, place: usize, count: usize) -> Range<usize> {
        match self {
            Strategy::OneForOne => place..place + 1,
            Strategy::RestForOne => place..count,
            Strategy::OneForAll => 0..count,
        }
    }

    /// True if the children are started in their order, each when those before it are up.
    pub(super) fn is_ordered(self) -> bool {
        self != Strategy::OneForOne
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Strategy::OneForOne => "one for one",
            Strategy::RestForOne => "rest for one",
            Strategy::OneForAll => "one for all",
        })
    }
}

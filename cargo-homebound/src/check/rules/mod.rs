//! Owns the rules: one file each, or a folder where a rule has more than one idea.
//! Refuses to walk: `visit` calls a rule at each place where the rule may have something to say.
//!
//! Read `raw` first, the shortest. `deaf`, `detached`, `exit` and `hosted` decide at the end of the
//! file, when all calls and values are known.

pub(crate) mod deaf;
pub(crate) mod detached;
pub(crate) mod exit;
pub(crate) mod flags;
pub(crate) mod hosted;
pub(crate) mod polled;
pub(crate) mod purpose;
pub(crate) mod raw;
pub(crate) mod spin;

//! Owns what a thread is from its beginning to its end, as its spawner has configured it.
//! Refuses to know what follows from it: the methods of `Record` are the rules.

use std::sync::Arc;

use crate::tree::readiness::Word;
use crate::tree::runs::Runs;

#[derive(Default)]
pub(crate) struct Traits {
    /// The rule is `Record::is_isolated`.
    pub(crate) isolated: bool,
    /// The rule is `Record::is_vital`.
    pub(crate) vital: bool,
    /// A failure of it is logged as a warning, because another thread may make up for it.
    pub(crate) competing: bool,
    /// The word for which the starter of the thread waits.
    pub(crate) starts_by: Word,
    /// Of a thread whose closure may run again: which run it is at.
    pub(crate) runs: Option<Arc<Runs>>,
}

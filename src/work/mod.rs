//! What programs build on threads: a service that says when it is ready, threads that run again
//! after a failure, joiners of many threads, and pools of threads that run jobs.
//!
//! | for | see |
//! |---|---|
//! | a service that says when it can be used | [`start`], [`Ready`] |
//! | a thread that runs again after a failure | [`restart`], [`Restart`] |
//! | threads that are restarted alone or together | [`supervisor`], [`Child`] |
//! | a call that is tried again in place | [`retry`] |
//! | the ends of many threads, as they happen | [`JoinSet`] |
//! | one closure for each of many items | [`map`], [`map_stream`] |
//! | the first of several that succeeds | [`race`], [`quorum`] |
//! | many jobs for a few threads | [`pool`], [`Pool`] |
//!
//! [`start`]: crate::ThreadBuilder::start
//! [`restart`]: crate::ThreadBuilder::restart
//! [`supervisor`]: crate::Scope::supervisor
//! [`retry`]: crate::Context::retry
//! [`map`]: crate::Scope::map
//! [`map_stream`]: crate::Scope::map_stream
//! [`race`]: crate::Scope::race
//! [`quorum`]: crate::Scope::quorum
//! [`pool`]: crate::Scope::pool
//!
//! The items are at the root of the crate as well: `homebound::Pool` is `homebound::work::Pool`.
// Owns what is built on threads and scopes.
// Refuses to know how a thread is run and how a scope ends: it uses the public face, and the seams
// that `tests/rules/tidy` lists.
// Read `ready` first. Each capability has a file or a folder of its own.

pub(crate) mod join_set;
pub(crate) mod map;
pub(crate) mod pool;
pub(crate) mod race;
pub(crate) mod ready;
pub(crate) mod restart;
pub(crate) mod retry;
pub(crate) mod slot;
pub(crate) mod supervisor;

pub use crate::outcome::errors::gave_up::GaveUp;
pub use crate::outcome::errors::race_error::RaceError;
pub use crate::outcome::errors::retried::RetryError;
pub use crate::outcome::errors::start_error::StartError;
pub use crate::outcome::status::pool_status::{JobStatus, PoolStatus};
pub use join_set::JoinSet;
pub use pool::builder::PoolBuilder;
pub use pool::error::{AtStop, OfferError, SubmitError};
pub use pool::handle::Pool;
pub use pool::job::Job;
pub use race::Race;
pub use ready::Ready;
pub use restart::own::RestartBuilder;
pub use restart::policy::Restart;
pub use supervisor::builder::SupervisorBuilder;
pub use supervisor::child::Child;
pub use supervisor::error::ChildError;
pub use supervisor::handle::Supervisor;
pub use supervisor::row::{ChildState, ChildStatus};
pub use supervisor::strategy::Strategy;

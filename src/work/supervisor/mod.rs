//! Owns supervisors: a group of children, and the thread that restarts them, alone or together.
//! Refuses to know how a run is started and judged (`thread::rerun` does), and when a policy gives
//! up (`restart::decision` does).
//! Read `keeper` first, then `plan`. A program configures a `builder`, and holds a `handle`.

pub(crate) mod board;
pub(crate) mod builder;
pub(crate) mod child;
pub(crate) mod decide;
pub(crate) mod error;
pub(crate) mod handle;
pub(crate) mod keeper;
pub(crate) mod kept;
pub(crate) mod leave;
pub(crate) mod needs;
pub(crate) mod plan;
pub(crate) mod post;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod row;
pub(crate) mod strategy;

//! Owns the stop tree: nodes that are marked, the walk that marks them, and all ways to hear of a
//! mark.
//! Refuses to know scopes and threads: a scope hears of its stop through `calls::Owner`.
//!
//! Read `node` first, then `mark` and `listen`. Two ideas have a place of their own: `alert`, for
//! deadlines in shields, and `condvar`.
//!
//! # Named races
//!
//! Each race is told where it is decided. A listener is a child node, a channel, a descriptor, a
//! callback, an interrupt, or a thread that rests on the flags. A *relay* is a child node that
//! stands for a wait which sleeps elsewhere.
//!
//! | race | told in |
//! |---|---|
//! | *The late listener*: a listener or a child comes while the node is marked | `listen`, `mark` |
//! | *The sleeper on its way*: a thread goes to rest while the node is marked | `listen` (`rest`) |
//! | *The end learned late*: an end becomes known while a listener begins | `alert` |
//! | *Two stops*: a second stop must not return before all is marked (P5) | `mark` (`mark_below`) |
//! | *Stop against close*: a node is marked while its thread or scope ends | `mark` (`close`) |
//! | *The callback in progress*: a node is closed while a callback of it runs | `callback` |
//! | *The earlier end*: two threads arm the timer for ends of one limit | `limit` (`AlarmClock`) |
//! | *The taken token*: a wait takes the park token of another wake-up (W4) | `select` |
//! | *Between the check and the park*: a stop comes in between, at a condvar | `condvar` |
//! | *The leaving waiter*: a waiter leaves while a stop is delivered to it | `condvar` |
//! | *The stale interrupt*: a stop is delivered to a waiter that has left | `condvar` |
//! | *The wasted notification*: a stopped waiter had taken another's notification | `condvar` |

pub(crate) mod alert;
pub(crate) mod callback;
pub(crate) mod calls;
pub(crate) mod cause;
pub(crate) mod condvar;
pub(crate) mod limit;
pub(crate) mod listen;
pub(crate) mod mark;
pub(crate) mod node;
pub(crate) mod relay;
pub(crate) mod select;
pub(crate) mod wakeups;

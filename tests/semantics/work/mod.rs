//! What is built on threads: readiness, restarts, joiners, pools.

mod keep;
mod restart;
mod retry;

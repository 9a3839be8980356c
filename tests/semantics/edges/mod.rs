//! Owns what a dump tells of a wait that is not homebound's: the call, its arguments, the thread
//! that would end the wait.
//! Refuses to pin a layout.
#![cfg(target_os = "linux")]
#![allow(unsafe_code)] // the calls of libc in which threads get stuck

mod ed1_arguments;
mod ed2_refused;

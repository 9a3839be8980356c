//! Owns what a look at threads reads beyond the tree: the kernel's view of them, and their stacks.
//! Refuses to print, and to change anything that it looks at.
//!
//! Read `examine` first, then `stacks`.

#[cfg(all(feature = "stacks", target_os = "linux"))]
mod again;
#[cfg(not(all(feature = "stacks", target_os = "linux")))]
#[path = "no_again.rs"]
mod again;
mod asking;
mod cycles;
mod early;
pub(crate) mod examine;
pub(crate) mod files;
mod guesses;
pub(crate) mod health;
mod holders;
mod later;
mod rows;
#[cfg(all(feature = "stacks", target_os = "linux"))]
mod stacks;
#[cfg(not(all(feature = "stacks", target_os = "linux")))]
#[path = "no_stacks.rs"]
mod stacks;
mod waiters;
pub(crate) mod warning;

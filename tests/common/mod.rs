//! Owns the list of the helpers that the test programs share. Each program compiles all of them,
//! and uses some.
//! Refuses to know the semantics under test.
#![allow(dead_code, unreachable_pub, unused_imports)]

#[cfg(target_os = "linux")]
pub mod pty;
pub mod subscriber;

mod child;
mod drops;
mod kernel;
mod loans;
mod own;
mod program;
#[cfg(target_os = "linux")]
mod refusals;
mod text;
mod values;
mod waits;
mod within;

pub use child::*;
pub use drops::*;
pub use kernel::*;
pub use loans::*;
pub use own::*;
pub use program::*;
#[cfg(target_os = "linux")]
pub use refusals::*;
pub use text::*;
pub use values::*;
pub use waits::*;
pub use within::*;

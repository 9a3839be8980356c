//! Child processes as members of a scope (unix).
//!
//! [`Scope::process`](crate::Scope::process) takes a [`std::process::Command`] and returns a
//! [`ProcessBuilder`]; [`ProcessBuilder::spawn`] starts the child and returns a [`Process`]. A
//! scope that ends stops the child like a service, after its workers: with SIGTERM, and with
//! SIGKILL after the child's grace. The scope returns when the child is reaped.
//!
//! ```
//! use std::process::Command;
//!
//! homebound::scope(|scope| {
//!     let mut command = Command::new("sh");
//!     command.args(["-c", "exit 0"]);
//!     let child = scope.process("check", "checks the settings", command).spawn()?;
//!     assert!(child.wait()?.success());
//!     Ok(())
//! })?;
//! # Ok::<(), homebound::ScopeError>(())
//! ```
// Owns child processes as members of a scope.
// Refuses to know the registry, and to call the OS: `sys::child` does.
// Read `builder` first, then `plan` and `supervise`.

pub(crate) mod builder;
pub(crate) mod handle;
pub(crate) mod leader;
pub(crate) mod lines;
pub(crate) mod output;
pub(crate) mod plan;
pub(crate) mod stop_node;
pub(crate) mod supervise;

pub use crate::outcome::errors::error::ProcessFailed;
pub use builder::ProcessBuilder;
pub use handle::Process;
pub use lines::Line;
pub use plan::OnExit;

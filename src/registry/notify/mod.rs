//! Owns what a registry tells the service manager that has started the process, by sd_notify(3):
//! systemd, or another manager with that protocol.
//! Refuses to wait for the manager, whatever the manager does, and to change the environment.
//!
//! Read `setting` first, then `manager`.

pub(crate) mod host;
pub(crate) mod manager;
pub(crate) mod messenger;
pub(crate) mod reloading;
pub(crate) mod setting;
pub(crate) mod waited;

//! Owns the place at which the walker's sources expect themselves.
//! Refuses to be more.

#[path = "../../src/linux/maps.rs"]
pub(crate) mod maps;
#[path = "../../src/linux/walk/mod.rs"]
pub(crate) mod walk;

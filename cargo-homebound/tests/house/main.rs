//! The guard's own sources: how its rooms use each other, and what they need of the compiler.

mod layers;
mod rust_version;

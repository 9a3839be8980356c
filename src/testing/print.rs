//! Owns a tree as Rust code.
//! Refuses to run it.
use std::fmt;
use super::tree::Tree;
impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#?}")
    }
}

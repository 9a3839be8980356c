//! Owns what a look at threads reads beyond the tree: the kernel's view of them, and their stacks.
//! Refuses to print, and to change anything that it looks at.
//!
//! Read `examine` first.

pub(crate) mod examine;

//! Owns what a person is shown: texts, names, and threads that do not come home.
//! Refuses to pin a layout.

mod away;
mod text;
mod whole;

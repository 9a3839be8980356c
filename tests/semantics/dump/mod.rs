//! Owns the dump as a person reads it: what stands first, what is one row, where it goes.
//! Refuses to pin a layout beyond the words that a reader looks for.

mod calls;
mod crowd;
mod culprit;
mod first;
mod line;
mod long_wait;
mod moving;
mod text;
mod to_file;

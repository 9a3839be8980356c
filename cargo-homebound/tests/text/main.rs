//! The check of source text, through the library: labelled sources, and texts that no person
//! writes.

mod corpus;
mod page;
mod source;

//! Owns the cost of size: depth in stack, number in time and room.
//! Refuses to measure: it asks how the cost grows.

mod by_id;
mod depth;
mod growth;

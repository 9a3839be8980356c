//! Owns what size costs: depth in stack, number in time and room.
//! Refuses to measure: what is asked is how the cost grows.

mod depth;
mod growth;

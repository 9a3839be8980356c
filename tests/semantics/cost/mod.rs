//! Owns the cost of size: depth in stack, number in time and room.
//! Refuses to measure: it asks how the cost grows.

mod depth;
mod growing_pauses;
mod growth;
mod map_by_id;

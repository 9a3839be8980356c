//! Owns the cost of size: depth in stack, number in time and room.
//! Refuses to measure: it asks how the cost grows.

mod depth;
mod growth;
mod map_by_id;
mod pauses;

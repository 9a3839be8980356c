//! Owns the types of what closures return.
//! Refuses to know what an error means.

/// Any error: what closures return, so that `?` works on all of them and `Ok(x)` infers.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;
/// What closures return.
pub type Result<T = (), E = BoxError> = std::result::Result<T, E>;

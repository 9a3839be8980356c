//! Owns the types that closures return.
//! Refuses to know what an error means.

/// Any error. Closures return it, so that `?` works on every error and `Ok(x)` infers its type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;
/// The result of a closure: `Ok` with its value, or any error.
pub type Result<T = (), E = BoxError> = std::result::Result<T, E>;

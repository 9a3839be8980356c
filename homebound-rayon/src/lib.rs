//! A pool of rayon's whose threads belong to a [homebound] scope.
//!
//! rayon starts the threads of a pool itself, and its `ThreadPool::drop` waits for none of them. A
//! [`RayonPool`] gives rayon threads of a scope instead: they are in the dump by name and purpose,
//! and joined with their thread-locals before the scope returns.
//!
//! ```
//! use homebound_rayon::RayonPool;
//! use rayon::prelude::*;
//!
//! let squares = homebound::scope(|scope| {
//!     let cx = scope.context();
//!     let pool = RayonPool::new(scope, "ray", "squares numbers", 2)?;
//!     pool.install(|| {
//!         (0..1_000_u64).into_par_iter().map(|n| {
//!             cx.checkpoint()?; // a stop of the scope ends the loop here
//!             Ok(n * n)
//!         }).sum::<homebound::Result<u64>>()
//!     })?
//! })?;
//! assert_eq!(squares, 332_833_500);
//! # Ok::<(), homebound::ScopeError>(())
//! ```

#![forbid(unsafe_code)]

mod pool;

pub use pool::RayonPool;

/// The README, so that its code is tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

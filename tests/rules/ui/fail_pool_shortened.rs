//! A pool whose lifetime is shortened to that of a borrow: a use after free if it compiled.
use homebound::{Pool, Result};

fn shorten(pool: &Pool<'_>) -> Result {
    let local = vec![1];
    drop(pool.try_submit(|_| Ok(local.len()))?);
    Ok(())
}

fn covariant<'short, 'long: 'short>(pool: Pool<'long>) -> Pool<'short> {
    pool
}

fn main() {
    let _ = (shorten, covariant);
}

//! A thread builder whose lifetime is shortened to that of a borrow.
use homebound::{Result, ThreadBuilder};

fn shorten(builder: ThreadBuilder<'_>) -> Result {
    let local = vec![1];
    builder.spawn(|_| Ok(local.len()))?;
    Ok(())
}

fn covariant<'short, 'long: 'short>(builder: ThreadBuilder<'long>) -> ThreadBuilder<'short> {
    builder
}

fn main() {
    let _ = (shorten, covariant);
}

//! A builder of a restarting thread whose lifetime is shortened to that of a borrow.
use homebound::{RestartBuilder, Result};

fn shorten(builder: RestartBuilder<'_>) -> Result {
    let local = vec![1];
    builder.spawn(|_| Ok(local.len()))?;
    Ok(())
}

fn covariant<'short, 'long: 'short>(builder: RestartBuilder<'long>) -> RestartBuilder<'short> {
    builder
}

fn main() {
    let _ = (shorten, covariant);
}

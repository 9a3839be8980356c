//! A group whose lifetime is shortened to that of a borrow: a use after free if it compiled.
use homebound::{Group, Result};

fn shorten(group: &Group<'_>) -> Result {
    let local = vec![1];
    group.spawn("reads", "reads freed memory", |_| Ok(local.len()))?;
    Ok(())
}

fn covariant<'short, 'long: 'short>(group: Group<'long>) -> Group<'short> {
    group
}

fn main() {
    let _ = (shorten, covariant);
}

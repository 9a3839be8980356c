//! A scope whose own lifetime is shortened to that of a borrow.
use homebound::{Result, Scope};

fn shorten(s: &Scope<'_, '_>) -> Result {
    let local = vec![1];
    s.spawn("reads", "reads freed memory", |_| Ok(local.len()))?;
    Ok(())
}

fn covariant<'a, 'short, 'long: 'short, 'env>(s: &'a Scope<'long, 'env>) -> &'a Scope<'short, 'env> {
    s
}

fn main() {
    let _ = (shorten, covariant);
}

//! A join set whose lifetime is shortened to that of a borrow: a use after free if it compiled.
use homebound::{JoinSet, Result, Scope};

fn shorten<'s>(scope: &Scope<'s, '_>, set: &mut JoinSet<'s, usize>) -> Result {
    let local = vec![1];
    set.spawn(scope, "reads", "reads freed memory", |_| Ok(local.len()))?;
    Ok(())
}

fn covariant<'short, 'long: 'short>(set: JoinSet<'long, ()>) -> JoinSet<'short, ()> {
    set
}

fn main() {
    let _ = (shorten, covariant);
}

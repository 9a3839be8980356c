//! A thread of the outer scope that borrows what the inner scope keeps.
use homebound::{Result, scope};

fn main() -> Result {
    scope(|outer| {
        outer.subscope("inner", |inner| {
            let kept = inner.keep(vec![1]);
            outer.spawn("reads", "reads freed memory", move |_| Ok(kept.len()))?;
            Ok(())
        })?;
        Ok(())
    })?;
    Ok(())
}

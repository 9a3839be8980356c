//! A kept value that borrows a local of the body, which is dropped before the threads are home.
use homebound::{Result, scope};

fn main() -> Result {
    scope(|s| {
        let local = vec![1];
        let kept = s.keep(&local);
        s.spawn("reads", "reads freed memory", move |_| Ok(kept.len()))?;
        Ok(())
    })?;
    Ok(())
}

//! A group that is a local of the body keeps nothing: it is dropped before the threads are home.
use homebound::{Result, scope};

fn main() -> Result {
    scope(|s| {
        let group = s.group("group")?;
        let kept = group.keep(vec![1]);
        s.spawn("reads", "reads freed memory", move |_| Ok(kept.len()))?;
        Ok(())
    })?;
    Ok(())
}

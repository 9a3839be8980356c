//! A local of the body of a context's subscope, borrowed by a thread that outlives the body.
use homebound::{Context, Result};

fn count(cx: &Context) -> Result {
    cx.subscope("count", |s| {
        let local = vec![1, 2, 3];
        s.spawn("reads", "reads freed memory", |_| Ok(local.len()))?;
        Ok(())
    })?;
    Ok(())
}

fn main() {
    let _ = count;
}

//! A local of the body of a named scope, borrowed by a thread that outlives the body.
use homebound::{Result, scope_named};

fn main() {
    let _ = scope_named("count", |s| -> Result {
        let local = vec![1, 2, 3];
        s.spawn("reads", "reads freed memory", |_| Ok(local.len()))?;
        Ok(())
    });
}

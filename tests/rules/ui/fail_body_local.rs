//! A local of the body, borrowed by a thread that outlives the body.
use homebound::{Result, scope};

fn main() {
    let _ = scope(|s| -> Result {
        let local = vec![1, 2, 3];
        s.spawn("reads", "reads freed memory", |_| Ok(local.len()))?;
        Ok(())
    });
}

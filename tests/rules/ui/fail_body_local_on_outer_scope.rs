//! A local of an inner body, borrowed by a thread of the outer scope.
use homebound::{Result, scope};

fn main() {
    let _ = scope(|outer| -> Result {
        outer.subscope("inner", |_| {
            let local = vec![1, 2, 3];
            outer.spawn("reads", "reads freed memory", |_| Ok(local.len()))?;
            Ok(())
        })?;
        Ok(())
    });
}

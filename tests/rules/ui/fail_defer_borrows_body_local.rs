//! A deferred function that borrows a local of the body.
use homebound::{Result, scope};

fn main() {
    let _ = scope(|s| -> Result {
        let local = vec![1];
        s.defer("reads", || Ok(assert_eq!(local.len(), 1)));
        Ok(())
    });
}

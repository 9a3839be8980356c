//! A callback and a body that borrow locals.
use std::sync::atomic::{AtomicBool, Ordering};

use homebound::{Result, scope};

fn main() {
    let result = scope(|s| -> Result {
        let woken = AtomicBool::new(false);
        let wake = || woken.store(true, Ordering::SeqCst);
        s.context().with_on_stop(wake, || s.stop());
        assert!(woken.load(Ordering::SeqCst));
        Ok(())
    });
    result.unwrap();
}

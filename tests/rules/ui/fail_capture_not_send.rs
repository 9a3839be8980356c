//! A capture that must not leave its thread.
use std::rc::Rc;

use homebound::{Result, scope};

fn main() {
    let shared = Rc::new(1);
    let _ = scope(|s| -> Result {
        let theirs = shared.clone();
        s.spawn("counts", "races on the count", move |_| Ok(drop(theirs)))?;
        Ok(())
    });
}

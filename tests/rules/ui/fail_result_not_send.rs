//! A result that must not leave its thread.
use std::rc::Rc;

use homebound::{Result, scope};

fn main() {
    let _ = scope(|s| -> Result {
        s.spawn("returns", "returns an Rc", |_| Ok(Rc::new(1)))?;
        Ok(())
    });
}

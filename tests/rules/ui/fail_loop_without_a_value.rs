//! A worker that loops until its stop: nothing says of which type its value would be.
use std::time::Duration;

use homebound::{Result, scope};

fn main() {
    let _ = scope(|s| -> Result {
        s.spawn("looks", "looks once a second", |cx| loop {
            cx.sleep(Duration::from_secs(1))?;
        })?;
        Ok(())
    });
}

//! A service that is started with a borrow of a local of the body, and one that hands out a borrow
//! of a local of its own.
use std::time::Duration;

use homebound::{Ready, Result, scope};

fn main() -> Result {
    scope(|s| {
        let local = vec![1];
        let limit = Duration::from_secs(1);
        s.thread("reads", "reads freed memory").start(limit, |_, ready| Ok(ready.set(local.len())))?;
        s.thread("lends", "lends its own").start(limit, |_, ready: Ready<&[u8]>| {
            let own = vec![1];
            Ok(ready.set(&own))
        })?;
        Ok(())
    })?;
    Ok(())
}

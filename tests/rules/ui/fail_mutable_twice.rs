//! The same thing, borrowed mutably by two threads.
use homebound::{Result, scope};

fn main() {
    let mut count = 0;
    let _ = scope(|s| -> Result {
        s.spawn("one", "counts", |_| Ok(count += 1))?;
        s.spawn("two", "counts", |_| Ok(count += 1))?;
        Ok(())
    });
}

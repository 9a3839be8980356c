//! A result that borrows from the thread that made it.
use homebound::{Result, scope};

fn main() {
    let _ = scope(|s| -> Result {
        let handle = s.spawn("returns", "returns a borrow of its own", |cx| Ok(cx.name()))?;
        let _ = handle.join()?;
        Ok(())
    });
}

//! A purpose that was forgotten, and a name as well.
use homebound::{Result, scope};

fn main() {
    let _ = scope(|s| -> Result {
        s.spawn("adder", |_cx| Ok(1 + 2))?;
        s.group(7)?;
        Ok(())
    });
}

//! The result of a body that borrows what the scope keeps.
use homebound::{Result, scope};

fn main() -> Result {
    let kept = scope(|s| Ok(s.keep(vec![1])))?;
    drop(kept.len());
    Ok(())
}

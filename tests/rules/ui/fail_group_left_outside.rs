//! A group that leaves the scope it was made in.
use homebound::{Result, scope};

fn main() {
    let mut kept = None;
    let _ = scope(|s| -> Result {
        kept = Some(s.group("group")?);
        Ok(())
    });
    drop(kept);
}

//! A scope kept in a variable that outlives it.
use homebound::{Result, scope};

fn main() {
    let mut kept = None;
    let _ = scope(|s| -> Result {
        kept = Some(s);
        Ok(())
    });
    kept.unwrap().stop();
}

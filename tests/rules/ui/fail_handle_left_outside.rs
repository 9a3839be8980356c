//! A handle that leaves its scope through an outer variable.
use homebound::{Handle, Result, scope};

fn main() {
    let mut kept: Option<Handle<'_, i32>> = None;
    let _ = scope(|s| -> Result {
        kept = Some(s.spawn("worker", "is handed out", |_| Ok(1))?);
        Ok(())
    });
    let _ = kept.unwrap().join();
}

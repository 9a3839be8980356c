//! A borrowing closure for a context's spawn, which may outlive the borrow.
use homebound::{Context, Result};

fn sibling(cx: &Context) -> Result {
    let local = vec![1];
    cx.spawn("reads", "reads freed memory", |_| Ok(local.len()))?;
    Ok(())
}

fn main() {
    let _ = sibling;
}

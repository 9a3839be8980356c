//! A local that is borrowed by a thread of an owned group: nothing makes the group end before it.
use homebound::{Result, group};

fn serve() -> Result {
    let local = vec![1];
    let threads = group("server")?;
    threads.spawn("reads", "reads freed memory", |_| Ok(local.len()))?;
    std::mem::forget(threads);
    Ok(())
}

fn main() {
    let _ = serve;
}

//! A future as the value of a thread: nothing would run it.
use homebound::scope;

fn main() {
    let _ = scope(|s| {
        s.spawn("fetch", "fetches the page", |_cx| async { Ok(1) })?;
        Ok(())
    });
}

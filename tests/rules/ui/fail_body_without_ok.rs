//! A body, and a thread, that end with nothing.
use homebound::scope;

fn main() {
    let _ = scope(|s| {
        s.spawn("counter", "counts words", |_| {
            println!("1");
        })?;
    });
}

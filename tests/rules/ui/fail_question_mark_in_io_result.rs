//! `?` after a scope in a function that returns an `io::Result`.
use homebound::scope;

fn load() -> std::io::Result<u32> {
    let size = scope(|s| Ok(s.spawn("size", "adds up sizes", |_cx| Ok(1))?.join()?))?;
    Ok(size)
}

fn main() {
    let _ = load();
}

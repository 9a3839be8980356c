//! A handle as the value of its scope.
use homebound::scope;

fn main() {
    let _ = scope(|s| Ok(s.spawn("worker", "is handed out", |_| Ok(1))?));
}

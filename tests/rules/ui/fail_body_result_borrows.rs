//! A value of the body that borrows from the body.
use homebound::scope;

fn main() {
    let _ = scope(|s| Ok(s.context().path()));
}

//! A function that is given a scope, and something to borrow, with lifetimes that have nothing to do with each other.
use homebound::{Result, Scope, scope};

fn start(s: &Scope<'_, '_>, words: &Vec<String>) -> Result {
    s.spawn("counter", "counts words", |_| Ok(words.len()))?;
    Ok(())
}

fn main() {
    let words = vec![String::from("a")];
    let _ = scope(|s| start(s, &words));
}

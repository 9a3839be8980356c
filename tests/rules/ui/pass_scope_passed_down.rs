//! Functions that take the scope, and threads that spawn on it.
use homebound::{Result, Scope, scope};

fn fill<'scope>(s: &'scope Scope<'scope, '_>, text: &'scope str) -> Result {
    s.spawn("outer", "spawns a sibling that borrows", move |_| {
        s.spawn("inner", "borrows", move |_| Ok(text.len()))?;
        Ok(())
    })?;
    Ok(())
}

fn main() {
    let text = String::from("borrowed");
    scope(|s| fill(s, &text)).unwrap();
}

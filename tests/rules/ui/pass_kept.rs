//! Threads of the scope, and of a group in it, borrow what the scope keeps.
use std::sync::Mutex;

use homebound::{Result, Scope, scope};

fn count<'s>(s: &'s Scope<'s, '_>) -> Result<&'s Mutex<u32>> {
    let kept = s.keep(Mutex::new(0));
    s.spawn("worker", "counts", move |_| Ok(*kept.lock().unwrap() += 1))?;
    let group = s.group("group")?;
    group.spawn("worker", "counts", move |_| Ok(*kept.lock().unwrap() += 1))?;
    group.close()?;
    Ok(kept)
}

fn main() -> Result {
    scope(|s| {
        let kept = count(s)?;
        s.defer("looks", move || Ok(assert_eq!(*kept.lock().unwrap(), 2)));
        Ok(())
    })?;
    Ok(())
}

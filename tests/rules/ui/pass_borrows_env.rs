//! Threads, services and deferred functions that borrow what was there before the scope.
use homebound::{Result, scope};

fn main() {
    let text = String::from("borrowed");
    let mut count = 0;
    let result = scope(|s| -> Result<usize> {
        s.spawn("counts", "borrows mutably", |_| Ok(count += 1))?;
        s.service("serves", "borrows", |_| Ok(assert!(!text.is_empty())))?;
        s.defer("last", || Ok(assert!(!text.is_empty())));
        let handle = s.spawn("returns", "returns a borrow", |_| Ok(text.as_str()))?;
        Ok(handle.join()?.len())
    });
    assert_eq!((result.unwrap(), count), (8, 1));
}

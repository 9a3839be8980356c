//! A subscope whose threads borrow the locals of the body around it.
use homebound::{Result, scope};

fn main() {
    let result = scope(|s| -> Result {
        let mut data = vec![1, 2, 3];
        s.subscope("sum", |inner| {
            for n in &mut data {
                inner.spawn("doubles", "borrows one element", move |_| Ok(*n *= 2))?;
            }
            Ok(())
        })?;
        assert_eq!(data, [2, 4, 6]);
        Ok(())
    });
    result.unwrap();
}

//! A result of a map that borrows what the closure has made for one item.
fn main() {
    let _ = homebound::scope(|scope| {
        let pool = scope.pool("pool", "makes names").start()?;
        let names: Vec<&str> = pool.map(scope.context(), 0..3, |_, n: u8| {
            let name = n.to_string();
            Ok(name.as_str())
        })?;
        assert_eq!(names.len(), 3);
        Ok(())
    });
}

//! A kept value that borrows another one: its drop could use what is dropped already.
use homebound::{Result, scope};

fn main() -> Result {
    scope(|s| {
        let first = s.keep(vec![1]);
        s.keep(first);
        Ok(())
    })?;
    Ok(())
}

//! The closure of a map is called by several threads at once, so it may share no `Cell`.
use std::cell::Cell;

fn main() {
    let _ = homebound::scope(|scope| {
        let pool = scope.pool("pool", "adds").start()?;
        let sum = Cell::new(0);
        pool.map(scope.context(), 0..3, |_, n| Ok(sum.set(sum.get() + n)))?;
        Ok(())
    });
}

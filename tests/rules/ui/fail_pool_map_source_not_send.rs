//! The source of a map is asked by the threads of the pool, so it may hold no `Rc`.
use std::rc::Rc;

fn main() {
    let _ = homebound::scope(|scope| {
        let pool = scope.pool("pool", "adds").start()?;
        let from = Rc::new(1);
        let source = std::iter::from_fn(move || Some(*from)).take(3);
        pool.map(scope.context(), source, |_, n| Ok(n))?;
        Ok(())
    });
}

//! A job whose value may not go to another thread.
use std::rc::Rc;

fn main() {
    let _ = homebound::scope(|scope| {
        let pool = scope.pool("pool", "counts").start()?;
        let counted = pool.submit(scope.context(), |_| Ok(Rc::new(1)))?;
        drop(counted.join()?);
        Ok(())
    });
}

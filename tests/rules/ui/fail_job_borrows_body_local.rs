//! A job that borrows a local of the body, which dies before the pool does.
fn main() {
    let _ = homebound::scope(|scope| {
        let pool = scope.pool("pool", "reads").start()?;
        let local = vec![1];
        pool.execute(scope.context(), |_| Ok(drop(local.len())))?;
        Ok(())
    });
}

//! The handle of a job that leaves its scope, and with it the value that the job has borrowed.
fn main() {
    let local = vec![1];
    let mut outside = None;
    let _ = homebound::scope(|scope| {
        let pool = scope.pool("pool", "lends").start()?;
        outside = Some(pool.submit(scope.context(), |_| Ok(&local))?);
        Ok(())
    });
    drop(outside);
}

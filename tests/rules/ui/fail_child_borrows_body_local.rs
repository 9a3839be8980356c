//! A child that borrows a local of the body, which dies before the child does.
fn main() {
    let _ = homebound::scope(|scope| {
        let local = vec![1];
        let sup = scope.supervisor("group", "keeps one");
        sup.child("reader", "reads", |_| Ok(drop(local.len()))).start()?;
        Ok(())
    });
}

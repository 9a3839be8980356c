//! A restarting thread that borrows a local of the body.
use homebound::Restart;

fn main() {
    let _ = homebound::scope(|scope| {
        let mut count = 0;
        let feed = scope.thread("feed", "reads").restart(Restart::on_failure());
        feed.service(|_| Ok(count += 1))?;
        Ok(())
    });
}

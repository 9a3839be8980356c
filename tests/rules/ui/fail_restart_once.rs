//! A closure that can run once only: it gives away what it has captured.
use homebound::Restart;

fn main() {
    let names = vec![String::from("a")];
    let _ = homebound::scope(|scope| {
        let feed = scope.thread("feed", "reads").restart(Restart::on_failure());
        feed.service(move |_| Ok(drop(names)))?;
        Ok(())
    });
}

//! `?` after a `send`: the error holds the value, which other threads may not share.
use homebound::channel::bounded;
use homebound::scope;

type Job = Box<dyn FnOnce() + Send>;

fn main() {
    let (jobs, _queue) = bounded::<Job>(1);
    let _ = scope(|s| {
        s.context().send(&jobs, Box::new(|| ()))?;
        Ok(())
    });
}

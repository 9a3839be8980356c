//! Builders of which the last call is missing.
use homebound::scope;

fn main() {
    let _ = scope(|s| {
        let pool = s.pool("thumbs", "scales pictures").threads(2);
        pool.submit(s.context(), |_cx| Ok(1))?;
        s.thread("clock", "ticks").dedicated().join()?;
        Ok(())
    });
}

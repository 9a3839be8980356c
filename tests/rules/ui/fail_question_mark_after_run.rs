//! A `?` after `run`, which gives an exit code and not a result.
fn main() -> homebound::Result {
    homebound::registry::run(|s| {
        s.context().wait_for_stop();
        Ok(())
    })?;
    Ok(())
}

//! An entrant whose success borrows a local of its own.
use homebound::{Race, Result, scope};

fn main() -> Result {
    scope(|s| {
        let race = Race::new().add("lends", "lends a local", |_| {
            let own = vec![1];
            Ok(&own[0])
        });
        let lent: &i32 = s.race("race", race)?;
        Ok(*lent)
    })?;
    Ok(())
}

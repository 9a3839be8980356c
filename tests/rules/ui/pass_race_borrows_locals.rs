//! Entrants borrow locals of the body, and succeed with a borrow.
use homebound::{Race, Result, scope};

fn main() -> Result {
    scope(|s| {
        let local = vec![1, 2, 3];
        let race = Race::new()
            .add("first", "lends the first", |_| Ok(&local[0]))
            .add("last", "lends the last", |_| Ok(&local[2]));
        let number: &i32 = s.race("race", race)?;
        assert!(*number == 1 || *number == 3);
        Ok(())
    })?;
    Ok(())
}

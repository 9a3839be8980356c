//! An entrant of a race that holds what may not leave its thread.
use std::rc::Rc;

use homebound::{Race, Result, scope};

fn main() -> Result {
    let shared = Rc::new(1);
    scope(|s| Ok(s.race("race", Race::new().add("reads", "shares a count", |_| Ok(*shared)))?))?;
    Ok(())
}

//! Prints the answers of four servers as they come, the error of one of them, and `stopped` for a
//! server that was not needed any more.
//!
//! ```text
//! b: 100 ms
//! c: out of order
//! a: 400 ms
//! d: stopped
//! ```
//!
//! Run it with `cargo run --example join_set`.

use std::time::Duration;

use homebound::{Exit, JoinError, JoinSet, run};

fn main() -> Exit<()> {
    run(|scope| {
        let cx = scope.context();
        let (mut set, mut names) = (JoinSet::new(), Vec::new());
        for (name, millis) in [("a", 400), ("b", 100), ("c", 250), ("d", 60_000)] {
            let id = set.spawn(scope, format!("server-{name}"), "asks a server", move |cx| {
                // Stands for a call over the network.
                cx.sleep(Duration::from_millis(millis))?;
                if name == "c" { Err("out of order")? } else { Ok(millis) }
            })?;
            names.push((id, name));
        }
        let mut answers = 0;
        while let Some((id, answer)) = set.next(cx)? {
            let name = names.iter().find(|(known, _)| *known == id).map_or("", |(_, name)| name);
            match answer {
                Ok(millis) => {
                    println!("{name}: {millis} ms");
                    answers += 1;
                }
                Err(JoinError::Stopped(_)) => println!("{name}: stopped"),
                // The failure is this loop's, and the others go on.
                Err(JoinError::Failed(failure)) => match failure.cause() {
                    homebound::Cause::Error(error) => println!("{name}: {error}"),
                    _ => println!("{name}: panicked"),
                },
                Err(error) => Err(error)?,
            }
            if answers == 2 {
                set.stop_all(); // two are enough
            }
        }
        Ok(())
    })
}

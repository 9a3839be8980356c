//! A service that restarts after failures: it reads a feed that goes dead now and then, and gives
//! up when the feed stays dead. Ctrl-\ shows the dump while it pauses, Ctrl-C ends the pause.

use std::time::Duration;

use homebound::registry::{Exit, Registry};
use homebound::{Context, Restart, Result};

/// Stands for a connection to a server.
struct Feed {
    left: u32,
}

impl Feed {
    fn connect(run: u64) -> Result<Feed> {
        match run {
            // After three good runs the server is gone for good.
            4.. => Err("nobody answers")?,
            run => Ok(Feed { left: 2 + run as u32 }),
        }
    }

    fn next(&mut self) -> Option<u32> {
        self.left = self.left.checked_sub(1)?;
        Some(self.left)
    }
}

fn main() -> Exit<()> {
    // Outside of the scope: all runs add to it.
    let mut seen = Vec::new();
    let exit = Registry::new("restart").run(|scope| {
        let policy = Restart::on_failure()
            .backoff(Duration::from_millis(100), Duration::from_secs(1))
            .give_up_after(6);
        let feed = scope.thread("feed", "reads the feed").restart(policy);
        let feed = feed.service(|cx| read(cx, &mut seen))?;
        feed.join()?; // until it gives up
        Ok(())
    });
    println!("{} messages; {}", seen.len(), exit.shutdown);
    exit
}

fn read(cx: &Context, seen: &mut Vec<u32>) -> Result {
    // Made inside, so that each run has its own.
    let mut feed = Feed::connect(cx.run_number())?;
    while let Some(message) = feed.next() {
        seen.push(message);
        cx.sleep(Duration::from_millis(50))?;
    }
    Err("the line went dead")?
}

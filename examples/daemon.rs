//! Prints the work of a small daemon for a second, and the order in which its threads end: the
//! worker, then the services, the latest first. Press Ctrl-C before that, and the threads end in
//! the same order, with exit code 130.

use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use homebound::registry::{Exit, Registry};
use homebound::{Context, Result};

fn main() -> Exit<()> {
    let exit = Registry::new("daemon").grace(Duration::from_secs(3)).run(|scope| {
        let (log, lines) = bounded::<String>(64);

        // Made first, so stopped last: all other threads may use it until their end.
        scope.service("log", "prints what the others say", move |cx| {
            cx.drain(&lines).for_each(|line| println!("{line}"));
            println!("log: nobody is left to say anything");
            Ok(())
        })?;

        let clock_log = log.clone();
        scope.service("clock", "tells the time", move |cx| {
            for (tick, _at) in cx.ticks(Duration::from_millis(250)).enumerate() {
                // The stop may come here as well, and then the last word is still due.
                if say(&clock_log, cx, format_args!("tick {tick}")).is_err() {
                    break;
                }
            }
            let _ = clock_log.send("clock: I was told to stop".to_owned());
            Ok(())
        })?;

        // Deferred functions run last, after all threads are home; the latest first.
        scope.defer("goodbye", || {
            println!("deferred: all threads are home");
            Ok(())
        });

        let worker = scope.spawn("worker", "has a second's work", move |cx| {
            let slept = cx.sleep(Duration::from_secs(1));
            let _ = log.send(format!("worker: {}", if slept.is_ok() { "done" } else { "interrupted" }));
            Ok(slept?)
        })?;
        Ok(worker.join()?)
    });
    println!("\n{}", exit.shutdown);
    exit
}

/// Stops waiting for a full queue when the thread is stopped.
fn say(log: &Sender<String>, cx: &Context, what: std::fmt::Arguments<'_>) -> Result {
    Ok(cx.send(log, format!("{}: {what}", cx.name())).map_err(|error| error.cause)?)
}

//! Prints the life of a struct with threads of its own: it is used, it gets a deadline, it finishes
//! a write behind a shield, and dropping it stops and joins its threads.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use homebound::{Context, Group, Result, ScopeError, scope};

/// A store that writes in the background. It owns its thread: when it is dropped, the thread is
/// home.
struct Store {
    orders: Sender<String>,
    written: Receiver<String>,
    /// Dropped with the struct. `'static`, so the struct needs no lifetime.
    _threads: Group<'static>,
}

impl Store {
    fn open(cx: &Context) -> Result<Store> {
        let (orders, inbox) = bounded::<String>(16);
        let (outbox, written) = bounded(16);
        let threads = cx.group("store")?;
        threads.service("writer", "writes what it is sent", move |cx| {
            for name in cx.drain(&inbox) {
                // A file that has begun is finished: inside, the stop is hidden for up to a second.
                cx.shield(Duration::from_secs(1), |cx| -> Result {
                    cx.sleep(Duration::from_millis(20))?;
                    Ok(outbox.send(name)?)
                })?;
            }
            println!("writer: {}", cx.stop_reason().expect("a service ends when it is told"));
            Ok(())
        })?;
        Ok(Store { orders, written, _threads: threads })
    }
}

fn main() -> Result<(), ScopeError> {
    scope(|scope| {
        let cx = scope.context();
        let store = Store::open(cx)?;
        for name in ["a.png", "b.png", "c.png"] {
            cx.send(&store.orders, name.to_owned())?;
        }

        // All waits of the inner context end at the deadline; nothing outside is stopped by it.
        let soon = Instant::now() + Duration::from_millis(30);
        let in_time = cx.with_deadline(soon, |cx| cx.iter(&store.written).count());
        println!("written within 30 ms: {in_time}");

        println!("{}", scope.dump_status());
        let written = store.written.clone();
        drop(store);
        println!("after the drop, the others are written too: {}", written.len());
        println!("threads of this scope now: {}", scope.active_threads().len());
        Ok(())
    })
}

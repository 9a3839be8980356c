//! Prints how many jobs a reader sent through a bounded queue, and how many jobs four workers did,
//! when the scope was stopped in the middle. No job is lost, and no thread is left behind.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::bounded;
use homebound::{SendError, WaitError, scope};

fn main() -> Result<(), homebound::ScopeError> {
    let done = AtomicUsize::new(0);
    scope(|scope| {
        // Full after eight jobs: then the reader waits, and a stop ends the wait.
        let (jobs, queue) = bounded::<usize>(8);

        let reader = scope.spawn("reader", "makes jobs without end", move |cx| {
            for job in 0.. {
                match cx.send(&jobs, job) {
                    Ok(()) => {}
                    // A value that was not sent comes back: nothing is half done.
                    Err(SendError { value, cause: WaitError::Stopped(_), .. }) => return Ok(value),
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(0)
        })?;

        for number in 1..=4 {
            let (queue, done) = (queue.clone(), &done);
            scope.spawn(format!("worker-{number}"), "does jobs", move |cx| {
                // `iter` would end at the stop. `drain` first takes the queued jobs.
                for _job in cx.drain(&queue) {
                    std::hint::black_box((0..20_000).sum::<u64>());
                    done.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            })?;
        }

        scope.context().sleep(Duration::from_millis(100))?;
        let report = scope.shutdown(Duration::from_secs(5));
        let (sent, done, queued) = (reader.join()?, done.load(Ordering::Relaxed), queue.len());
        println!("sent {sent} jobs: {done} done, {queued} still in the queue\n\n{report}");
        assert_eq!(sent, done + queued, "no job is lost");
        Ok(())
    })
}

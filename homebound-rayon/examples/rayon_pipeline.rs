//! Prints the batches that a pool of rayon's has summed, until Ctrl-C or SIGTERM: then how far the
//! batch was that the stop has ended, and the report. No thread of rayon's is left behind, and the
//! exit code is 0 after SIGTERM. The work is a loop over data that computes, so each element looks
//! at the stop.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use homebound::channel::bounded;
use homebound::registry::{Exit, run};
use homebound::{Context, Stopped, is_stop};
use homebound_rayon::RayonPool;
use rayon::prelude::*;

const BATCH: u64 = 2_000;

fn main() -> Exit<()> {
    let exit = run(|scope| {
        let (batches, queue) = bounded::<Range<u64>>(2);

        // Moves into the thread that uses it. 0: a thread for each processor.
        let pool = RayonPool::new(scope, "ray", "sums digits", 0)?;

        scope.spawn("source", "cuts the work into batches", move |cx| {
            for number in 0.. {
                cx.send(&batches, number * BATCH..(number + 1) * BATCH)?;
            }
            Ok(())
        })?;

        scope.spawn("sums", "has the pool sum each batch", move |cx| {
            for batch in cx.iter(&queue) {
                let done = AtomicUsize::new(0);
                let sum = pool.install(|| sum(cx, batch.clone(), &done))?;
                if let Err(stopped) = &sum {
                    assert!(is_stop(stopped));
                    println!("stopped after {} numbers of {batch:?}", done.load(Ordering::Relaxed));
                }
                println!("{batch:?}: {}", sum?);
            }
            Ok(())
        })?;
        Ok(())
    });
    println!("\n{}", exit.shutdown);
    exit
}

/// Runs on all threads of the pool, with the context of the thread that waits for it.
fn sum(cx: &Context, batch: Range<u64>, done: &AtomicUsize) -> Result<u64, Stopped> {
    let digits = |number: u64| {
        cx.checkpoint()?; // ends the loop on all threads of the pool
        done.fetch_add(1, Ordering::Relaxed);
        Ok((number * 1_000..(number + 1) * 1_000).map(|n| n.to_string().len() as u64).sum::<u64>())
    };
    batch.into_par_iter().map(digits).sum()
}

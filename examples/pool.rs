//! Makes small pictures in a pool of two threads. Prints what the dump shows while the queue is
//! full, what a caller is told that comes then, and what became of each picture:
//!
//! ```text
//! FULL, 4 queued, 0 done, oldest waits 0 us
//! c.png: come back later
//! a.png: 5 bytes
//! b.png: 5 bytes
//! broken: /album/thumbs/thumbs-2/job 3 failed: no picture
//! d.png: 5 bytes
//! ```

use std::time::Duration;

use homebound::work::SubmitError;
use homebound::{BoxError, Context, JoinError, Result};

/// Takes its time, and hears the stop of the program and of its own job.
fn shrink(cx: &Context, name: &str) -> Result<usize> {
    cx.note(name.to_owned()); // the dump shows it: `thumbs-1  job 3 "broken" for 4 ms`
    cx.sleep(Duration::from_millis(20))?;
    if name == "broken" { Err("no picture")? } else { Ok(name.len()) }
}

fn main() -> Result<(), BoxError> {
    let names = ["a.png", "b.png", "broken", "d.png"].map(String::from);
    homebound::scope_named("album", |scope| {
        let cx = scope.context();
        let thumbs = scope.pool("thumbs", "makes small pictures").threads(2).queue(2).start()?;

        // Jobs may borrow what threads of the scope may borrow. `submit` waits for a place.
        let mut jobs = Vec::new();
        for name in &names {
            jobs.push((name, thumbs.submit(cx, move |cx| shrink(cx, name))?));
        }

        // Two jobs for two threads, and two in the queue. A caller that must not wait is told.
        println!("{}", thumbs.status());
        match thumbs.try_submit(|cx| shrink(cx, "c.png")) {
            Err(SubmitError::Full) => println!("c.png: come back later"),
            Ok(job) => println!("c.png: {} bytes", job.join()?),
            Err(error) => Err(error)?,
        }

        // The failure of a job is its joiner's, and stops nothing.
        for (name, job) in jobs {
            match job.join() {
                Ok(size) => println!("{name}: {size} bytes"),
                Err(JoinError::Failed(failure)) => println!("{name}: {failure}"),
                Err(error) => Err(error)?, // the stop
            }
        }

        // Without a handle: the cheap way. The scope waits for these jobs as for workers.
        for name in ["e.png", "f.png"] {
            thumbs.execute(cx, move |cx| shrink(cx, name).map(|_size| ()))?;
        }
        Ok(())
    })?;
    Ok(())
}

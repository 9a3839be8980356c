//! Makes small pictures in a pool of two threads. Prints how full the pool is, what the next caller
//! is told, and what became of each picture:
//!
//! ```text
//! 2 run, 2 wait
//! c.png: come back later
//! a.png: 5 bytes
//! b.png: 5 bytes
//! broken: no picture
//! d.png: 5 bytes
//! ```

use std::time::Duration;

use homebound::channel::{Sender, unbounded};
use homebound::work::SubmitError;
use homebound::{BoxError, Cause, Context, JoinError, Result};

/// Takes its time, and hears the stop of the program and of its own job.
fn shrink(cx: &Context, name: &str, begun: &Sender<()>) -> Result<usize> {
    cx.note(name.to_owned()); // the dump shows it: `thumbs-1  job 3 "broken" for 4 ms`
    begun.send(())?;
    cx.sleep(Duration::from_millis(200))?;
    if name == "broken" { Err("no picture")? } else { Ok(name.len()) }
}

fn main() -> Result<(), BoxError> {
    let names = ["a.png", "b.png", "broken", "d.png"].map(String::from);
    let (begun, beginnings) = unbounded();
    let begun = &begun;
    homebound::scope_named("album", |scope| {
        let cx = scope.context();
        let thumbs = scope.pool("thumbs", "makes small pictures").threads(2).queue(2).start()?;

        // Jobs may borrow what threads of the scope may borrow. `submit` waits for a place.
        let mut jobs = Vec::new();
        for name in &names {
            jobs.push((name, thumbs.submit(cx, move |cx| shrink(cx, name, begun))?));
        }

        // Two jobs for two threads, and two in the queue. A caller that must not wait is told.
        cx.recv(&beginnings)?;
        cx.recv(&beginnings)?;
        let status = thumbs.status();
        println!("{} run, {} wait", status.running, status.queued);
        match thumbs.try_submit(|cx| shrink(cx, "c.png", begun)) {
            Err(SubmitError::Full) => println!("c.png: come back later"),
            Ok(job) => println!("c.png: {} bytes", job.join()?),
            Err(error) => Err(error)?,
        }

        // The failure of a job is its joiner's, and stops nothing.
        for (name, job) in jobs {
            match job.join() {
                Ok(size) => println!("{name}: {size} bytes"),
                Err(JoinError::Failed(failure)) => match failure.cause() {
                    Cause::Error(error) => println!("{name}: {error}"),
                    _ => println!("{name}: panicked"),
                },
                Err(error) => Err(error)?, // the stop
            }
        }

        // Without a handle: the cheap way. The scope waits for these jobs as for workers.
        for name in ["e.png", "f.png"] {
            thumbs.execute(cx, move |cx| shrink(cx, name, begun).map(drop))?;
        }
        Ok(())
    })?;
    Ok(())
}

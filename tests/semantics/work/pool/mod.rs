//! PO: pools and their jobs.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use crossbeam_channel::Receiver;
use homebound::work::{Job, Pool};
use homebound::{Context, SubmitError};

use crate::common::*;

mod failures;
mod inside;
mod intake;
mod map;
mod map_ends;
mod places;
mod seen;
mod stops;
mod threads;
mod work;

/// Submits a job that ends when the gate opens or when it is told to stop, and waits until it runs.
fn busy<'s>(pool: &Pool<'s>, cx: &Context, gate: &Receiver<()>) -> Result<Job<'s, ()>, SubmitError> {
    let (begun, begins) = crossbeam_channel::bounded(1);
    let gate = gate.clone();
    let job = pool.submit(cx, move |cx| {
        begun.send(())?;
        let _opened_or_stopped = cx.recv(&gate);
        Ok(())
    })?;
    begins.recv().expect("the job begins");
    Ok(job)
}

/// As `busy`, deaf to any stop.
fn stubborn<'s>(pool: &Pool<'s>, cx: &Context, gate: &Receiver<()>) -> Result<Job<'s, ()>, SubmitError> {
    let (begun, begins) = crossbeam_channel::bounded(1);
    let gate = gate.clone();
    let job = pool.submit(cx, move |_| {
        begun.send(())?;
        pass(&gate);
        Ok(())
    })?;
    begins.recv().expect("the job begins");
    Ok(job)
}

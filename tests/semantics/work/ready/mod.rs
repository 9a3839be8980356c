//! RE: a service that says when it is ready, and a starter that waits for it.

mod failure;
mod left;
mod shown;
mod word;

use std::time::Duration;

use homebound::{Context, Ready, Scope, StartError, ThreadStatus};

use crate::common::*;

const SOON: Duration = Duration::from_millis(50);

#[derive(Debug, thiserror::Error)]
#[error("port {0} is taken")]
struct Taken(u16);

/// Starts a service that never says that it is ready, and hears the stop.
fn starts_deaf(s: &Scope<'_, '_>, name: &'static str, limit: Duration) -> StartError {
    let never = |cx: &Context, _ready: Ready<()>| until_stopped(cx);
    s.thread(name, "is never ready").start(limit, never).expect_err("it is never ready")
}

fn status(s: &Scope<'_, '_>, name: &str) -> Option<ThreadStatus> {
    s.snapshot().root.threads.into_iter().find(|thread| thread.name == name)
}

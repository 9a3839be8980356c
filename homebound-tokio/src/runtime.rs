//! Owns a runtime from its build to its end, on the thread of a service.
//! Refuses to know how threads are shown and how a stop cancels a token: see `guests`, `bridge`.

use std::any::Any;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use homebound::{BoxError, Context, Result};
use scopeguard::guard;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::sync::CancellationToken;

use crate::bridge::cancel_on_stop;
use crate::guests::Present;

/// The most worker threads that tokio is asked for. Of a much larger number the build would abort
/// the process, because there is no memory to note so many.
const MOST: usize = 65_535;

/// A longer limit is one without end. Some versions of tokio add it to the present moment, and
/// panic at a sum that the clock cannot express.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Builds a runtime with `workers` worker threads, runs the future that `f` returns on the calling
/// thread, and shuts the runtime down. Returns what the future returned.
///
/// The runtime belongs to the thread that calls this, a service in most cases.
///
/// - Its threads are guests of the scope: shown by name (`tokio-0`, `tokio-1`, after the service)
///   and purpose, and not waited for as workers. [`homebound::current()`] works in tasks and in
///   blocking calls. With 0 workers all tasks run on the calling thread.
/// - The stop cancels `token`, on the thread that stops. The future has to look:
///   `token.cancelled().await`.
/// - When the future has returned or panicked, `token` is cancelled, tasks are dropped at their
///   next `await`, and blocking calls are waited for, for at most `limit`.
/// - A blocking call that takes longer is logged as a warning, with its thread. The thread stays a
///   guest until it ends, or its scope. If it outlives the run, the report has it under `foreign`,
///   and does not count it as orphaned.
/// - The failure of a spawned task is in its `JoinHandle`, as always; [`reported`](crate::reported)
///   makes it a failure of the scope.
///
/// ```
/// use homebound_tokio::block_on_tokio;
/// use std::time::Duration;
///
/// homebound::scope(|scope| {
///     scope.service("tokio", "counts", |cx| {
///         block_on_tokio(cx, 1, Duration::from_secs(3), |token| async move {
///             let mut count = 0;
///             loop {
///                 tokio::select! {
///                     () = token.cancelled() => return Ok(println!("counted to {count}")),
///                     () = tokio::time::sleep(Duration::from_millis(1)) => count += 1,
///                 }
///             }
///         })
///     })?;
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
///
/// # Errors
/// The errors of the future. An [`io::Error`] if there is no runtime: the system refuses a thread
/// or a descriptor, or the calling thread runs inside a runtime already.
///
/// # Panics
/// If the future panics, with its payload, after the runtime is shut down.
///
/// # Blocking
/// Until the future has returned, and then for the blocking calls, up to `limit`. Without a look at
/// the token, a stop does not end it: the service is named as overdue then.
pub fn block_on_tokio<T, F, Fut>(cx: &Context, workers: usize, limit: Duration, f: F) -> Result<T>
where
    F: FnOnce(CancellationToken) -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let (token, present) = (CancellationToken::new(), Present::default());
    let runtime = build(cx, workers, &present)?;
    // In this order, because a drop runs from the last to the first: the bridge goes, then the
    // runtime. Also when the future panics.
    let runtime = guard(runtime, |runtime| shut_down(cx, runtime, &token, limit, &present));
    let _bridge = cancel_on_stop(cx, &token);
    cx.waiting("tokio", || runtime.block_on(async { f(token.clone()).await }))
}

fn build(cx: &Context, workers: usize, present: &Present) -> Result<Runtime> {
    if Handle::try_current().is_ok() {
        let why = "this thread runs inside a tokio runtime already: await the future there, or use `Handle::current().block_on` in a blocking call";
        return Err(refusal(cx, why));
    }
    let mut builder = if workers == 0 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    if workers > 0 {
        builder.worker_threads(workers.min(MOST));
    }
    present.welcome(cx, builder.enable_all());
    let built = build_contained(cx, builder);
    present.set_built(built.is_ok());
    built
}

/// If the system refuses a worker thread, tokio panics, and its unwind waits for the workers that
/// have begun, which have no reason to end. It does not wait on a thread that is inside a runtime,
/// so the build runs inside of a small one.
fn build_contained(cx: &Context, mut builder: Builder) -> Result<Runtime> {
    let around = Builder::new_current_thread().build().map_err(|error| refusal(cx, error))?;
    let build = || around.block_on(async { builder.build() });
    match catch_unwind(AssertUnwindSafe(build)) {
        Ok(built) => built.map_err(|error| refusal(cx, error)),
        Err(payload) => Err(refusal(cx, text(&*payload))),
    }
}

fn shut_down(cx: &Context, runtime: Runtime, token: &CancellationToken, limit: Duration, present: &Present) {
    // Before the shutdown, so that blocking calls that look at the token end.
    token.cancel();
    cx.waiting("end of tokio's threads", || runtime.shutdown_timeout(limit.min(LONGEST)));
    let left = present.names();
    if !left.is_empty() {
        let (many, go) = if left.len() == 1 { ("thread", "goes") } else { ("threads", "go") };
        tracing::warn!(
            path = cx.path(),
            threads = ?left,
            "{} {many} of tokio {go} on {limit:?} after the end of their runtime: let their calls look at the token, or raise the limit",
            left.len(),
        );
    }
}

fn refusal(cx: &Context, why: impl Into<BoxError>) -> BoxError {
    io::Error::other(format!("{}: no tokio runtime: {}", cx.path(), why.into())).into()
}

fn text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

//! Prints the address of an `axum` server in a service, beside plain threads that keep its figures:
//! `GET /` answers after 100 ms with the name of its thread. On Ctrl-C or SIGTERM the server takes
//! no more connections and answers what it has begun; then the log prints its last line, and the
//! report says how the threads came home. The threads of tokio are gone by then.

use std::time::Duration;

use axum::{Router, routing};
use homebound::Result;
use homebound::channel::{Sender, bounded};
use homebound::registry::{Exit, Registry};
use homebound_tokio::{CancellationToken, block_on_tokio};
use tokio::net::TcpListener;

fn main() -> Exit<()> {
    let exit = Registry::new("axum_server").grace(Duration::from_secs(10)).run(|scope| {
        let (served, requests) = bounded::<()>(64);

        // A plain thread. Made first, so told last: it counts until the server is home.
        scope.service("log", "counts the requests", move |cx| {
            let count = cx.drain(&requests).count();
            println!("log: {count} requests were answered");
            Ok(())
        })?;

        scope.service("http", "answers requests", move |cx| {
            // The grace is 10 s: a blocking call that takes longer than 3 s is named.
            block_on_tokio(cx, 2, Duration::from_secs(3), |token| serve(served, token))
        })?;

        scope.context().wait_for_stop();
        Ok(())
    });
    println!("\n{}", exit.shutdown);
    exit
}

/// Async code, which knows the stop as a token.
async fn serve(served: Sender<()>, stop: CancellationToken) -> Result {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/", listener.local_addr()?);
    let app = Router::new().route("/", routing::get(move || answer(served.clone())));
    // From the stop on: no new connections; returns when all requests are answered.
    axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned()).await?;
    Ok(())
}

async fn answer(served: Sender<()>) -> String {
    tokio::time::sleep(Duration::from_millis(100)).await;
    // The channel may be full, and a task may not block. The log is there until the server is home.
    let _counted = tokio::task::spawn_blocking(move || served.send(())).await;
    // The threads of the runtime are guests of the scope.
    let thread = homebound::current().map(|cx| cx.path().to_owned());
    format!("answered on {}\n", thread.unwrap_or_default())
}

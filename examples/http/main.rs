//! Serves HTTP/1.1 on plain threads, one for each connection:
//! `cargo run --example http -- 127.0.0.1:8080`.
//!
//! Stop it by Ctrl-C or SIGTERM. The server takes no more connections, finishes each request that
//! has begun, closes the others, and prints how every thread came home. `/slow` takes three
//! seconds: try it.

#![allow(unreachable_pub, reason = "in a program, `pub` tells what a module is for the others")]

mod guest;
mod request;

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use homebound::registry::{Exit, Registry};
use homebound::{Context, Result, Stopped};

fn main() -> Exit<()> {
    let exit = Registry::new("http").grace(Duration::from_secs(8)).run(|scope| {
        let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
        let listener = TcpListener::bind(&address).map_err(|error| format!("{address}: {error}"))?;
        println!("listening on http://{}", listener.local_addr()?);
        scope.service("door", "takes connections", move |cx| door(cx, &listener))?;
        scope.context().wait_for_stop();
        Ok(())
    });
    println!("{}", exit.shutdown);
    exit
}

fn door(cx: &Context, listener: &TcpListener) -> Result {
    loop {
        match cx.accept(listener) {
            Ok((stream, from)) => {
                let name = format!("guest {from}");
                let spawned = cx.spawn(name, "serves one connection", move |cx| guest::serve(cx, &stream));
                if let Err(homebound::SpawnError::Os(error)) = spawned {
                    eprintln!("{from} is sent away: {error}");
                }
            }
            // Perhaps no descriptor is left. Then the connection waits, and so does this thread.
            Err(error) if !is_stop(&error) => {
                eprintln!("no connection: {error}");
                cx.sleep(Duration::from_millis(100))?;
            }
            Err(stop) => return Err(stop.into()),
        }
    }
}

/// True for the error of a call that ended on the stop, because it wraps the stop.
pub fn is_stop(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Stopped>())
}

//! Owns the web server, `studio --serve DIR`: a program of its own, which the studio starts as a
//! child process.
//! Refuses to be reached from another machine, and to know the studio that started it.
//!
//! Its first line gives its address. On SIGTERM it takes no more visitors, and finishes each answer
//! that has begun.

use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use homebound::registry::{Exit, Registry};
use homebound::{Context, Pool, Result};

use crate::exhibits::Exhibits;
use crate::faults::WebFault;
use crate::text::shown;
use crate::visitor;

/// The beginning of the first line, before the address.
pub const LISTENING: &str = "listening on http://";

/// Visitors at once; a browser comes with six.
const MOST: usize = 64;
/// Further visitors, who only get an answer to the health question, or that there are too many.
const SPARE: usize = 8;

const GRACE: Duration = Duration::from_secs(2);

pub fn run(results: &Path, port: u16) -> ExitCode {
    let exit = Registry::new("studio-web").grace(GRACE).run(|scope| {
        let fault = WebFault::from_env();
        let exhibits = Exhibits::open(results).map_err(|error| format!("{}: {error}", shown(results)))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .map_err(|error| format!("127.0.0.1:{port}: {error}"))?;
        fault.at_start()?;
        writeln!(io::stdout(), "{LISTENING}{}", listener.local_addr()?)?;
        let exhibits = scope.keep(exhibits);
        // Nobody waits for a seat: a visitor that finds none is told so, or sent away.
        let seats = |name, purpose, threads| scope.pool(name, purpose).threads(threads).queue(0).start();
        let visitors = seats("visitors", "serves one connection each", MOST)?;
        let spare = seats("spare", "tells visitors that there are too many", SPARE)?;
        scope.service("door", "takes connections", move |cx| {
            door(cx, &listener, exhibits, (&visitors, &spare), fault)
        })?;
        scope.context().wait_for_stop();
        Ok(())
    });
    verdict(&exit)
}

fn verdict(exit: &Exit<()>) -> ExitCode {
    if let Some(error) = exit.result.as_ref().err().filter(|error| error.stop_reason().is_none()) {
        // The last line is the reason, because the starting program shows it.
        let reason = error.first().map_or_else(|| error.to_string(), ToString::to_string);
        let _nobody_reads = writeln!(io::stderr(), "{reason}");
    }
    ExitCode::from(exit.code())
}

fn door<'a>(
    cx: &Context,
    listener: &TcpListener,
    exhibits: &'a Exhibits,
    (visitors, spare): (&Pool<'a>, &Pool<'a>),
    fault: WebFault,
) -> Result {
    loop {
        let (stream, _) = match cx.accept(listener) {
            Err(error) if !cx.is_stopping() => {
                // Perhaps no descriptor is left. Then the connection waits, and so does this
                // thread.
                let _nobody_reads = writeln!(io::stderr(), "no connection: {error}");
                cx.sleep(Duration::from_millis(100))?;
                continue;
            }
            taken => taken?,
        };
        let stream = Arc::new(stream);
        fault.at_visit(cx)?;
        let serve = |one_too_many| {
            let stream = Arc::clone(&stream);
            move |cx: &Context| visitor::serve(cx, &stream, exhibits, one_too_many)
        };
        if visitors.offer(serve(false)).is_err() {
            if let Err(refused) = spare.offer(serve(true)) {
                let _nobody_reads = writeln!(io::stderr(), "a visitor is sent away: {refused}");
            }
        }
    }
}

//! Owns the web server's life: starts it as a child process, and again when it dies or does not
//! answer, until its policy gives up.
//! Refuses to know the pages (`serve` does), and to stop the studio, because the pictures are made
//! without it.
//!
//! | thread | does |
//! |---|---|
//! | `webui-monitor` | starts the server and waits for its end; each server is a run of it |
//! | `webui-stdout`, `webui-stderr` | read the server's output |
//! | `webui-health` | asks the server by HTTP whether it is well |
//!
//! The monitor is a service of the application, and each run opens a scope for the other threads
//! and the child. So the monitor hears of a stop before the child does, and a requested end does
//! not count as a death.

use std::env;
use std::mem;
use std::process::{Command, Stdio};
use std::time::Duration;

use homebound::{Context, Handle, OnExit, Process, Restart, Result, Scope, SpawnError, StartError};

use crate::echo;
use crate::health::{self, Server};
use crate::studio::Studio;

/// The server's time from SIGTERM to SIGKILL: more than its own grace.
const GRACE: Duration = Duration::from_secs(3);
/// The time within which the server must have printed its address.
const TO_LISTEN: Duration = Duration::from_secs(20);

/// Deaths in a row that make the monitor give up. A server that was well for 10 s ends the row.
const DEATHS: u32 = 5;
/// The pauses after the second death and later ones; the first restart is at once.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// The monitor. Its failure stops no other thread, and is in the result of the run.
pub fn start<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    studio: &'env Studio,
) -> Result<Option<Handle<'scope, ()>>> {
    if !studio.options.web {
        return Ok(None);
    }
    let again = Restart::on_failure().backoff(PAUSES.0, PAUSES.1).give_up_after(DEATHS);
    let monitor = scope.thread("webui-monitor", "starts the web server, and again when it dies").isolated();
    let mut port = studio.options.web_port;
    Ok(Some(monitor.restart(again).service(move |cx| attend(cx, studio, &mut port))?))
}

/// One server, from its start to its end. The error is the stop, or how the server ended, which is
/// no failure of the scope.
fn attend(cx: &Context, studio: &Studio, port: &mut u16) -> Result {
    // The port of the server before, so that the address in a browser stays good. If this server
    // cannot listen there, another program may have that port now.
    let wanted = mem::replace(port, studio.options.web_port);
    let how = cx.subscope("webui", |web| {
        let server = serve(web, studio, wanted)?;
        let pid = server.pid();
        let lines = server.stderr_lines().clone();
        let complaints = web.spawn("webui-stderr", "reads the complaints of the web server", move |cx| {
            Ok(echo::complaints(cx, studio, pid, &lines))
        })?;
        let lines = server.stdout_lines().clone();
        let output = web.thread("webui-stdout", "reads the output of the web server");
        match output.start(TO_LISTEN, move |cx, ready| echo::output(cx, studio, pid, &lines, ready)) {
            Ok((_, address)) => {
                *port = address.port();
                let server = Server { pid, address, again: cx.run_number() > 1 };
                let purpose = "asks the web server whether it is well";
                web.service("webui-health", purpose, move |cx| health::watch(cx, studio, server))?;
            }
            // It has closed its output: it is at its end, and its complaints say why.
            Err(StartError::NotReady) => server.stop(),
            Err(error) => return Err(error.into()),
        }
        let status = server.wait()?;
        let last = complaints.join()?.map_or_else(String::new, |last| format!(" ({last})"));
        Ok(format!("the web server (pid {pid}) has ended: {status}{last}"))
    })?;
    Err(how.into())
}

fn serve<'web>(web: &Scope<'web, '_>, studio: &Studio, port: u16) -> Result<Process<'web>, SpawnError> {
    let this = env::current_exe().map_err(SpawnError::Os)?;
    let mut server = Command::new(this);
    server.arg("--serve").arg(studio.output.dir()).arg("--web-port").arg(port.to_string());
    server.stdin(Stdio::null());
    let server = web.process("webui-server", "shows the contact sheet", server);
    let _forking = studio.forking.lock();
    // The monitor waits for the server's end, so that end is no failure of the scope.
    server.grace(GRACE).on_exit(OnExit::Ignore).lines().spawn()
}

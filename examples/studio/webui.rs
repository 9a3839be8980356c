//! Owns the web server's life: starts it as a child process, and again when it dies or does not answer; gives up when that
//! happens too often.
//! Refuses to know what it serves (`serve` does), and to stop the studio because of it: the pictures are made all the same.
//!
//! Four threads: `webui-monitor` starts and waits; `webui-stdout` and `webui-stderr` read what it prints; `webui-health` asks
//! it by HTTP whether it is well. The first is a service of the application, and opens a scope for the others and the child, so
//! that at a stop it hears of it before the child does: an end that was asked for is no death.

use std::collections::VecDeque;
use std::env;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, after, bounded, never, select_biased};
use homebound::{Context, Handle, Line, OnExit, Process, Result, Scope, SpawnError};

use crate::echo;
use crate::health::{self, Server};
use crate::studio::Studio;

/// What it has from SIGTERM to SIGKILL: more than its own grace.
const GRACE: Duration = Duration::from_secs(3);
/// Within so long it must have said where it listens.
const TO_LISTEN: Duration = Duration::from_secs(20);

/// It is given up when it has died so often within so long.
const DEATHS: usize = 5;
const WINDOW: Duration = Duration::from_secs(60);

/// The pause after a death; doubled for each other death within the window.
const PAUSE: Duration = Duration::from_millis(200);

/// What the threads tell the monitor, each of the server with that pid.
pub enum News {
    Listens(u32, SocketAddr),
    Unwell(u32, String),
}

/// What the monitor waits for.
enum Event {
    Stop,
    Ended,
    Late,
    News(News),
}

/// The lines of one server, to be read until it ends.
pub type Lines = (u32, Receiver<Line>);

/// The monitor. Its failure stops nobody, and is in the result of the run.
pub fn start<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    studio: &'env Studio,
) -> Result<Option<Handle<'scope, ()>>> {
    if !studio.options.web {
        return Ok(None);
    }
    let monitor = scope.thread("webui-monitor", "starts the web server, and again when it dies").isolated();
    let monitor = monitor.service(move |_| {
        scope.subscope("webui", |web| Monitor::new(web, studio)?.run())?;
        Ok(())
    })?;
    Ok(Some(monitor))
}

struct Monitor<'web, 'env> {
    web: &'web Scope<'web, 'env>,
    studio: &'env Studio,
    news: Receiver<News>,
    stdout: Sender<Lines>,
    stderr: Sender<Lines>,
    /// The last line that a server has left on stderr.
    last_words: Receiver<Option<String>>,
    health: Sender<Server>,
    /// Where the next one is to listen: at the same place, so that the address in a browser stays good.
    port: u16,
    deaths: VecDeque<Instant>,
}

impl<'web, 'env> Monitor<'web, 'env> {
    fn new(web: &'web Scope<'web, 'env>, studio: &'env Studio) -> Result<Self> {
        let (tell, news) = bounded(16);
        let (tell_last, last_words) = bounded(1);
        let ((stdout, out), (stderr, err), (health, servers)) = (bounded(1), bounded(1), bounded(1));
        let say = tell.clone();
        web.service("webui-stdout", "reads the output of the web server", move |cx| {
            echo::output(cx, studio, &out, &say)
        })?;
        web.service("webui-stderr", "reads the complaints of the web server", move |cx| {
            echo::complaints(cx, studio, &err, &tell_last)
        })?;
        web.service("webui-health", "asks the web server whether it is well", move |cx| {
            health::watch(cx, studio, &servers, &tell)
        })?;
        let (port, deaths) = (studio.options.web_port, VecDeque::new());
        Ok(Monitor { web, studio, news, stdout, stderr, last_words, health, port, deaths })
    }

    /// Ends with the stop, or with the failure.
    fn run(mut self) -> Result {
        let cx = self.web.context();
        loop {
            let how = match self.start() {
                Ok(server) => match self.attend(cx, &server)? {
                    Some(how) => how,
                    None => return Ok(()),
                },
                Err(SpawnError::Os(error)) => format!("it cannot be started: {error}"),
                Err(stopped) => return Err(stopped.into()),
            };
            let pause = self.mourn(&how)?;
            self.studio.console.complain(format_args!("webui: {how}; again in {pause:?}"));
            cx.sleep(pause)?;
        }
    }

    fn start(&self) -> Result<Process<'web>, SpawnError> {
        let this = env::current_exe().map_err(SpawnError::Os)?;
        let mut server = Command::new(this);
        server.arg("--serve").arg(self.studio.output.dir()).arg("--web-port").arg(self.port.to_string());
        server.stdin(Stdio::null());
        let server = self.web.process("webui-server", "shows the contact sheet", server);
        // Its end is what this thread is for: no failure of the scope.
        server.grace(GRACE).on_exit(OnExit::Ignore).lines().spawn()
    }

    /// Until it has ended; says how. `None` after the stop: then the scope ends it.
    fn attend(&mut self, cx: &Context, server: &Process<'_>) -> Result<Option<String>> {
        let pid = server.pid();
        cx.send(&self.stdout, (pid, server.stdout_lines().clone())).map_err(|refused| refused.cause)?;
        cx.send(&self.stderr, (pid, server.stderr_lines().clone())).map_err(|refused| refused.cause)?;
        let mut late = after(TO_LISTEN);
        let why = loop {
            let event = cx.waiting("the web server", || {
                select_biased! {
                    recv(cx.stop_signal()) -> _ => Event::Stop,
                    recv(server.done()) -> _ => Event::Ended,
                    recv(late) -> _ => Event::Late,
                    recv(self.news) -> news => news.map_or(Event::Stop, Event::News),
                }
            });
            match event {
                Event::Stop => return Ok(None),
                Event::Ended => break None,
                Event::Late => break Some(format!("did not say within {TO_LISTEN:?} where it listens")),
                Event::News(News::Unwell(of, why)) if of == pid => break Some(why),
                Event::News(News::Listens(of, address)) if of == pid => {
                    late = never();
                    self.port = address.port();
                    cx.send(&self.health, Server { pid, address }).map_err(|refused| refused.cause)?;
                }
                // Of one that has ended since.
                Event::News(_) => {}
            }
        };
        server.stop();
        let status = server.wait()?;
        let last = cx.recv(&self.last_words)?;
        let why = why.map_or_else(|| format!("has ended: {status}"), |why| format!("{why}: stopped"));
        let last = last.map_or_else(String::new, |last| format!(" ({last})"));
        Ok(Some(format!("the web server (pid {pid}) {why}{last}")))
    }

    /// How long to wait before the next; the error is the end of all patience.
    fn mourn(&mut self, how: &str) -> Result<Duration> {
        let now = Instant::now();
        self.deaths.push_back(now);
        self.deaths.retain(|at| now - *at < WINDOW);
        if self.studio.options.web_port == 0 && self.deaths.len() > 1 {
            // Perhaps somebody else is at that place now.
            self.port = 0;
        }
        match self.deaths.len() {
            n if n >= DEATHS => Err(format!(
                "webui: given up: the web server has died {n} times within {WINDOW:?}; the last: {how}"
            )
            .into()),
            n => Ok(PAUSE * (1 << (n - 1))),
        }
    }
}

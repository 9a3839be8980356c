//! Owns the web server's life: starts it as a child process, and again when it dies or does not
//! answer; gives up when that happens too often.
//! Refuses to know the pages (`serve` does), and to stop the studio, because the pictures are made
//! without it.
//!
//! | thread | does |
//! |---|---|
//! | `webui-monitor` | starts the server and waits for its end |
//! | `webui-stdout`, `webui-stderr` | read its output |
//! | `webui-health` | asks it by HTTP whether it is well |
//!
//! The monitor is a service of the application, and opens a scope for the other threads and the
//! child. So the monitor hears of a stop before the child does, and a requested end does not count
//! as a death.

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

/// The server's time from SIGTERM to SIGKILL: more than its own grace.
const GRACE: Duration = Duration::from_secs(3);
/// The time within which the server must have printed its address.
const TO_LISTEN: Duration = Duration::from_secs(20);

/// Deaths, and the time within which that many deaths make the monitor give up.
const DEATHS: usize = 5;
const WINDOW: Duration = Duration::from_secs(60);

/// The pause after a death; doubled for each other death within the window.
const PAUSE: Duration = Duration::from_millis(200);

/// Messages to the monitor, each about the server with that pid.
pub enum News {
    Listens(u32, SocketAddr),
    Unwell(u32, String),
}

/// Events for which the monitor waits.
enum Event {
    Stop,
    Ended,
    Late,
    News(News),
}

/// The lines of one server, to be read until the server ends.
pub type Lines = (u32, Receiver<Line>);

/// The monitor. Its failure stops no other thread, and is in the result of the run.
pub fn start<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    studio: &'env Studio,
) -> Result<Option<Handle<'scope, ()>>> {
    if !studio.options.web {
        return Ok(None);
    }
    let monitor = scope.thread("webui-monitor", "starts the web server, and again when it dies").isolated();
    let monitor = monitor.service(move |_| {
        // Outside of the scope, so that the channels are open until the last of its threads is
        // home.
        let links = Links::new();
        scope.subscope("webui", |web| Monitor::new(web, studio, &links)?.run())?;
        Ok(())
    })?;
    Ok(Some(monitor))
}

/// The channels between the threads, each with both ends.
struct Links {
    news: Link<News>,
    stdout: Link<Lines>,
    stderr: Link<Lines>,
    /// The last line of a server on stderr.
    last_words: Link<Option<String>>,
    health: Link<Server>,
}

type Link<T> = (Sender<T>, Receiver<T>);

impl Links {
    fn new() -> Self {
        Links {
            news: bounded(16),
            stdout: bounded(1),
            stderr: bounded(1),
            last_words: bounded(1),
            health: bounded(1),
        }
    }
}

struct Monitor<'web, 'env> {
    web: &'web Scope<'web, 'env>,
    studio: &'env Studio,
    links: &'env Links,
    /// The port of the next server: the same as before, so that the address in a browser stays
    /// good.
    port: u16,
    deaths: VecDeque<Instant>,
}

impl<'web, 'env> Monitor<'web, 'env> {
    fn new(web: &'web Scope<'web, 'env>, studio: &'env Studio, links: &'env Links) -> Result<Self> {
        let Links {
            news: (news, _),
            stdout: (_, out),
            stderr: (_, err),
            last_words: (last, _),
            health: (_, servers),
        } = links;
        web.service("webui-stdout", "reads the output of the web server", move |cx| {
            echo::output(cx, studio, out, news)
        })?;
        web.service("webui-stderr", "reads the complaints of the web server", move |cx| {
            echo::complaints(cx, studio, err, last)
        })?;
        web.service("webui-health", "asks the web server whether it is well", move |cx| {
            health::watch(cx, studio, servers, news)
        })?;
        Ok(Monitor { web, studio, links, port: studio.options.web_port, deaths: VecDeque::new() })
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
        let _forking = self.studio.forking.lock();
        // The monitor waits for the server's end, so that end is no failure of the scope.
        server.grace(GRACE).on_exit(OnExit::Ignore).lines().spawn()
    }

    /// Waits until the server has ended, and returns how. `None` after the stop: then the scope
    /// ends the server.
    fn attend(&mut self, cx: &Context, server: &Process<'_>) -> Result<Option<String>> {
        let pid = server.pid();
        cx.send(&self.links.stdout.0, (pid, server.stdout_lines().clone()))
            .map_err(|refused| refused.cause)?;
        cx.send(&self.links.stderr.0, (pid, server.stderr_lines().clone()))
            .map_err(|refused| refused.cause)?;
        let mut late = after(TO_LISTEN);
        let why = loop {
            let event = cx.waiting("the web server", || {
                select_biased! {
                    recv(cx.stop_signal()) -> _ => Event::Stop,
                    recv(server.done()) -> _ => Event::Ended,
                    recv(late) -> _ => Event::Late,
                    recv(self.links.news.1) -> news => news.map_or(Event::Stop, Event::News),
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
                    cx.send(&self.links.health.0, Server { pid, address })
                        .map_err(|refused| refused.cause)?;
                }
                // News of a server that has ended since.
                Event::News(_) => {}
            }
        };
        server.stop();
        let status = server.wait()?;
        let last = cx.recv(&self.links.last_words.1)?;
        let why = why.map_or_else(|| format!("has ended: {status}"), |why| format!("{why}: stopped"));
        let last = last.map_or_else(String::new, |last| format!(" ({last})"));
        Ok(Some(format!("the web server (pid {pid}) {why}{last}")))
    }

    /// The pause before the next server. The error is the end of all patience.
    fn mourn(&mut self, how: &str) -> Result<Duration> {
        let now = Instant::now();
        self.deaths.push_back(now);
        self.deaths.retain(|at| now - *at < WINDOW);
        if self.studio.options.web_port == 0 && self.deaths.len() > 1 {
            // Perhaps another program has that port now.
            self.port = 0;
        }
        match self.deaths.len() {
            n if n >= DEATHS => {
                let why =
                    format!("given up: the web server has died {n} times within {WINDOW:?}; the last: {how}");
                // The failure is reported at the end of the run, which may be far away.
                self.studio.console.complain(format_args!("webui: {why}"));
                Err(why.into())
            }
            n => Ok(PAUSE * (1 << (n - 1))),
        }
    }
}

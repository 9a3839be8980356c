//! A headless photo studio: turns a folder of pictures into thumbnails, a contact sheet and a
//! diagnostics bundle, with as many background threads as a desktop application, and comes home
//! from any interruption.
//!
//! Prints its progress, a summary, and the report that accounts for every thread. Try Ctrl-C at any
//! moment. To read it, begin with `controller`; below it, each file is one thread or one thing that
//! they share:
//!
//! | known from desktop applications | here | is a |
//! |---|---|---|
//! | app controller | `controller` | the body of the scope |
//! | process auto-scanner | `scanner` | service |
//! | watchdog, heartbeat monitor | `watchdog`, `stages` | service |
//! | job runner: queue worker | `queue` | a pool of N threads |
//! | thumbnail widget: image loader | `thumbs`, `decode` | what a queue worker does |
//! | diagnostics bundle: ZIP builder | `bundle` | service, and deferred |
//! | GUI worker | `progress`, `console` | no thread: it runs in the body |
//! | web UI process manager | `webui`, `echo`, `health` | a service that restarts, and a child |
//! | single instance checker | `instance`, `handover`, `runtime` | service |
//! | folder monitor | `folder`, `pictures`, `setback` | worker |
//! | the web server itself | `serve`, `visitor`, `exhibits` | another process of this program |

#![allow(unreachable_pub, reason = "in a program, `pub` tells what a module is for the others")]

mod controller;
mod options;

mod folder;
mod progress;
mod queue;
mod scanner;
mod watchdog;

mod echo;
mod health;
mod webui;

mod handover;
mod instance;
mod runtime;

mod bundle;
mod page;
mod sheet;

mod exhibits;
mod serve;
mod setback;
mod visitor;

mod children;
mod console;
mod decode;
mod faults;
mod log;
mod output;
mod pictures;
mod samples;
mod stages;
mod studio;
mod tally;
mod text;
mod thumbs;

use std::env;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use bundle::Bundle;
use console::Console;
use crossbeam_channel::bounded;
use homebound::{Health, Notify, Registry, Signals};
use instance::Claim;
use options::{Options, Request, USAGE};
use studio::Studio;

fn main() -> ExitCode {
    match Request::parse(env::args_os().skip(1)) {
        Ok(Request::Run(options)) => run(options),
        Ok(Request::MakeSamples(dir)) => match samples::make(&dir) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => refuse(1, error),
        },
        Ok(Request::Serve(results, port)) => serve::run(&results, port),
        Ok(Request::Help) => {
            say(USAGE.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => refuse(2, format_args!("{error}\n\n{}", USAGE.trim_end())),
    }
}

fn run(options: Options) -> ExitCode {
    decode::quiet_contained_panics();
    let threads_before = os_threads();
    let console = Arc::new(Console::new());
    log::begin(&console);
    // Opened inside, where a signal is already a stop; kept outside, where all threads may borrow
    // it.
    let studio = OnceLock::new();
    let (wish, wishes) = bounded(1);
    let signals = Signals::default().forward(libc::SIGUSR1, wish);
    let exit = registry(&options).signals(signals).run(|scope| {
        let instance = match options.single {
            false => None,
            true => match instance::claim(scope.context(), &options)? {
                Claim::First(instance) => Some(instance),
                Claim::HandedOver(folder) => {
                    say(format_args!("handed over to the studio that is running: {}", text::shown(&folder)));
                    return Ok(());
                }
            },
        };
        let opened = Studio { console, instance, bundle: Bundle::new(wishes), ..Studio::open(options)? };
        controller::run(scope, studio.get_or_init(|| opened))
    });
    say(&exit.shutdown);
    let last = studio.get().map(|studio| bundle::add_shutdown(studio, &exit.shutdown));
    if let Some(Err(error)) = last {
        complain(format_args!("studio: the bundle lacks the report of the shutdown: {error}"));
    }
    if let (Some(before), Some(after)) = (threads_before, os_threads()) {
        say(format_args!("OS threads: {before} at the start, {after} at the end"));
    }
    // `main` may also return an `Exit` as it is. The studio has printed its report already, on
    // stdout.
    if let Some(error) = exit.result.as_ref().err().filter(|error| error.stop_reason().is_none()) {
        complain(error);
    }
    ExitCode::from(exit.code())
}

/// The parts of a program that stays: health, a service manager, a probe file, a history from which
/// the operator chooses the grace.
fn registry(options: &Options) -> Registry {
    let registry = Registry::new("studio").grace(options.grace);
    let mut registry = registry.health(Health::new().stuck_after(options.stall)).notify(Notify::from_env());
    if let Some(file) = &options.history {
        registry = registry.history(file);
    }
    if let Some(file) = &options.probe {
        registry = registry.probe_file(file);
    }
    registry
}

/// The number of threads of this process, if the OS tells.
fn os_threads() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/task").ok()?.count())
}

fn refuse(code: u8, why: impl Display) -> ExitCode {
    complain(format_args!("studio: {why}"));
    ExitCode::from(code)
}

fn complain(text: impl Display) {
    // If stderr has no reader, the error has no reader either.
    let _ = writeln!(io::stderr(), "{text}");
}

fn say(text: impl Display) {
    let _ = writeln!(io::stdout(), "{text}");
}

//! Owns the faults that tests put into a run, because no picture makes a worker hang on demand.
//! Refuses to know any test.
//!
//! `STUDIO_FAULT=KIND:NAME` hits the picture with the file name NAME. Without the variable there is
//! no fault.
//! - `panic`: the decoder panics;
//! - `pause`: the worker waits for the stop, then goes on;
//! - `load`: the worker waits for the stop while it loads the picture, as for a very slow file;
//! - `hang`: the worker waits for ever, deaf to the stop;
//! - `await`: the worker waits until another process opens the other end of the pipe `STUDIO_PIPE`.
//!
//! `early:knock` has the first of several studios wait in this way, when it has become the first
//! and does not listen yet.
//!
//! `web:KIND` hits the web server: `die` ends it at its start, `flood` has it print without end
//! from its first visitor on.

use std::env;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Once;
use std::thread;

use homebound::{Context, Result};

use crate::console::Console;

pub struct Faults(Option<(String, String)>);

impl Faults {
    pub fn from_env() -> Self {
        let wanted = env::var("STUDIO_FAULT").ok();
        Faults(
            wanted
                .and_then(|text| text.split_once(':').map(|(kind, name)| (kind.to_owned(), name.to_owned()))),
        )
    }

    fn hits(&self, picture: &Path) -> Option<&str> {
        let (kind, name) = self.0.as_ref()?;
        (picture.file_name()? == name.as_str()).then_some(kind)
    }

    /// Called by a worker when it takes a picture. Prints on stdout which fault begins.
    pub fn at_start(&self, cx: &Context, picture: &Path, console: &Console) {
        match self.hits(picture) {
            Some("pause") => {
                console.say(format_args!("fault: {} waits for the stop", cx.name()));
                cx.wait_for_stop();
            }
            Some("hang") => {
                console.say(format_args!("fault: {} hangs", cx.name()));
                loop {
                    thread::park();
                }
            }
            Some("await") => {
                console.say(format_args!("fault: {} awaits", cx.name()));
                await_pipe();
            }
            _ => {}
        }
    }

    /// Called by a worker that loads a picture. A dump shows the caller as the waiting line.
    #[track_caller]
    pub fn at_load(&self, cx: &Context, picture: &Path, console: &Console) {
        if self.hits(picture) == Some("load") {
            console.say(format_args!("fault: {} loads", cx.name()));
            cx.wait_for_stop();
        }
    }

    /// Called where the decoder runs.
    pub fn at_decode(&self, picture: &Path) {
        assert!(self.hits(picture) != Some("panic"), "the fault that a test asked for");
    }
}

/// Called by the first of several studios before it listens.
pub fn before_listening() {
    if env::var("STUDIO_FAULT").as_deref() == Ok("early:knock") {
        await_pipe();
    }
}

fn await_pipe() {
    if let Some(pipe) = env::var_os("STUDIO_PIPE") {
        // The wait is over, with or without an error.
        let _opened = std::fs::File::open(pipe);
    }
}

/// The fault of the web server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum WebFault {
    None,
    Die,
    Flood,
}

impl WebFault {
    pub fn from_env() -> Self {
        match env::var("STUDIO_FAULT").as_deref() {
            Ok("web:die") => WebFault::Die,
            Ok("web:flood") => WebFault::Flood,
            _ => WebFault::None,
        }
    }

    pub fn at_start(self) -> Result {
        match self {
            WebFault::Die => Err("the fault that a test asked for".into()),
            _ => Ok(()),
        }
    }

    pub fn at_visit(self, cx: &Context) -> Result {
        static ONCE: Once = Once::new();
        let flood = |cx: &Context| -> Result {
            loop {
                cx.checkpoint()?;
                writeln!(io::stdout(), "{:~>1000}", "water")?;
                writeln!(io::stderr(), "{:~>100}", "mud")?;
            }
        };
        if self == WebFault::Flood && !ONCE.is_completed() {
            ONCE.call_once(|| {});
            cx.spawn("flood", "prints without end", flood)?;
        }
        Ok(())
    }
}

//! Owns the faults that tests put into a run, since no picture makes a worker hang on demand.
//! Refuses to know any test.
//!
//! `STUDIO_FAULT=KIND:NAME` hits the picture whose file name is NAME. Without it, nothing here does anything.
//! - `panic`: the decoder panics;
//! - `pause`: the worker waits for the stop, then goes on;
//! - `hang`: the worker waits for ever, deaf to the stop.

use std::env;
use std::path::Path;
use std::thread;

use homebound::Context;

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

    /// Called by a worker when it takes a picture; says on stdout which fault begins.
    pub fn at_start(&self, cx: &Context, picture: &Path, console: &Console) {
        match self.hits(picture) {
            Some("pause") => {
                console.say(format_args!("fault: {} waits for the stop", cx.name()));
                cx.wait_for_stop();
            }
            Some("hang") => {
                console.say(format_args!("fault: {} hangs", cx.name()));
                cx.waiting("the fault that a test asked for", || {
                    loop {
                        thread::park();
                    }
                });
            }
            _ => {}
        }
    }

    /// Called where the decoder runs.
    pub fn at_decode(&self, picture: &Path) {
        assert!(self.hits(picture) != Some("panic"), "the fault that a test asked for");
    }
}

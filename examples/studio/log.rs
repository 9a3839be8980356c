//! Owns the way of homebound's own news to people, such as a run that failed and is followed by
//! another, or a thread that is stuck: warnings and errors go to the terminal, all goes into the
//! log.
//! Refuses to judge the news.

use std::fmt::{Debug, Write};
use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::console::Console;

pub fn begin(console: &Arc<Console>) {
    let _only_once = tracing::subscriber::set_global_default(Log(Arc::clone(console)));
}

struct Log(Arc<Console>);

impl Subscriber for Log {
    fn enabled(&self, about: &Metadata<'_>) -> bool {
        about.is_event() && *about.level() <= Level::INFO
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let Line { path, message, more } = line;
        let text = format!("{path}{message}{more}");
        match *event.metadata().level() <= Level::WARN {
            true => self.0.complain(text),
            false => self.0.note(text),
        }
    }

    // No span is enabled.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// `/studio/webui-monitor: a run failed, run 1, failure: no answer`
#[derive(Default)]
struct Line {
    path: String,
    message: String,
    more: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = format!("{value:?}");
        self.add(field.name(), &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), value);
    }
}

impl Line {
    fn add(&mut self, name: &str, value: &str) {
        match name {
            _ if value.is_empty() => {}
            "message" => value.clone_into(&mut self.message),
            "path" => self.path = format!("{value}: "),
            // The path has the name.
            "thread.name" | "thread.id" => {}
            name => {
                let _a_string_takes_all = write!(self.more, ", {name}: {value}");
            }
        }
    }
}

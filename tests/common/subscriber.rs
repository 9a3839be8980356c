//! Owns a `tracing` subscriber that hands every event and span to a closure, as one line of text.
//! It is for re-executed children, because `tracing` may cache the answer of threads without a
//! subscriber.

use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Told `(line)`: "span ..." or "event LEVEL target field=value ...".
pub struct Told<F> {
    tell: F,
    spans: AtomicU64,
}

impl<F: Fn(&str) + Send + Sync + 'static> Told<F> {
    pub fn new(tell: F) -> Self {
        Told { tell, spans: AtomicU64::new(0) }
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, " {field}={value}");
    }
}

fn line(kind: &str, metadata: &Metadata<'_>) -> Line {
    Line(format!("{kind} {} {} {}", metadata.level(), metadata.target(), metadata.name()))
}

impl<F: Fn(&str) + Send + Sync + 'static> Subscriber for Told<F> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("homebound")
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut line = line("span", attributes.metadata());
        attributes.record(&mut line);
        (self.tell)(&line.0);
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = line("event", event.metadata());
        event.record(&mut line);
        (self.tell)(&line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

//! Waits whose stop is ignored: the loop would spin after it.
#![deny(unused_must_use)]
use std::time::Duration;

use homebound::channel::Receiver;
use homebound::{Context, Handle};

fn wait(cx: &Context, jobs: &Receiver<u32>, handle: Handle<'_, ()>) {
    cx.sleep(Duration::from_secs(1));
    cx.recv(jobs);
    cx.checkpoint();
    handle.join();
    cx.iter(jobs);
}

fn main() {}

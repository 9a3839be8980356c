//! A struct that keeps a handle, and does not say how long its thread lives.
use homebound::Handle;

struct Server {
    listener: Handle<()>,
}

fn main() {}

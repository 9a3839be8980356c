//! A callback that must not run on another thread.
use std::rc::Rc;

use homebound::Context;

fn register(cx: &Context) {
    let counted = Rc::new(1);
    cx.with_on_stop(move || drop(counted), || ());
}

fn main() {
    let _ = register;
}

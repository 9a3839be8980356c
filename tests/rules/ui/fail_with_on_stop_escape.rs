//! A borrow of the callback's that leaves with the body's result.
use homebound::Context;

fn register(cx: &Context) {
    let mut outer = None;
    cx.with_on_stop(
        || (),
        || {
            let local = vec![1];
            outer = Some(&local);
        },
    );
    drop(outer);
}

fn main() {
    let _ = register;
}

//! A borrowing callback behind a guard that may be leaked.
use homebound::Context;

fn register(cx: &Context) {
    let local = vec![1];
    let guard = cx.on_stop(|| assert_eq!(local.len(), 1));
    drop(guard);
}

fn main() {
    let _ = register;
}

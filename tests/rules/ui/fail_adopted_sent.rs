//! The guard of an adopted thread, dropped by another.
use homebound::Context;

fn hand_over(cx: &Context) {
    let guest = cx.adopt("guest", "is foreign");
    let _ = std::thread::spawn(move || drop(guest)).join();
}

fn main() {
    let _ = hand_over;
}

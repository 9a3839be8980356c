// In the manner of indicatif: a ticker that holds its bar weakly.
use homebound::Context;
use std::sync::{Condvar, Mutex, Weak};
use std::thread::{self, sleep};
use std::time::Duration;

fn tick(bar: Weak<Mutex<Bar>>, interval: Duration) {
    while let Some(bar) = bar.upgrade() {
        bar.lock().unwrap().tick();
        drop(bar);
        sleep(interval); //~ polled-stop
    }
}

fn tick_well(bar: Weak<Mutex<Bar>>, stopping: &(Mutex<bool>, Condvar), interval: Duration) {
    while let Some(bar) = bar.upgrade() {
        bar.lock().unwrap().tick();
        drop(bar);
        let waited = stopping.1.wait_timeout_while(stopping.0.lock().unwrap(), interval, |stop| !*stop); //~ none
        if !waited.unwrap().1.timed_out() {
            break;
        }
    }
}

fn let_else(bar: Weak<Mutex<Bar>>) {
    loop {
        let Some(bar) = bar.upgrade() else { return };
        bar.lock().unwrap().tick();
        sleep(Duration::from_millis(50)); //~ polled-stop
    }
}

fn moved(cx: &Context, bar: &Mutex<Bar>, interval: Duration) {
    while !bar.lock().unwrap().is_finished() {
        bar.lock().unwrap().tick();
        let _ = cx.sleep(interval); //~ ignored-stop
    }
}

fn moved_well(cx: &Context, bar: &Mutex<Bar>, interval: Duration) {
    for _ in cx.ticks(interval) { //~ none
        bar.lock().unwrap().tick();
    }
}

fn main() {
    let bar = Bar::new();
    let ticker = thread::spawn(move || tick(bar, SECOND)); //~ raw-thread
    ticker.join().unwrap(); //~ none
}

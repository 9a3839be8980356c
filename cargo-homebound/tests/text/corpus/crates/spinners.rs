// In the manner of spinners, spinoff and prodash: drawing until somebody says stop.
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

fn by_message(frames: &[&str], recv: Receiver<Option<String>>) {
    'outer: loop {
        for frame in frames {
            let (stop, last) = match recv.try_recv() {
                Ok(last) => (true, last),
                Err(TryRecvError::Disconnected) => (true, None),
                Err(TryRecvError::Empty) => (false, None),
            };
            print!("\r{frame}");
            if stop {
                break 'outer;
            }
            thread::sleep(Duration::from_millis(80)); //~ polled-stop
        }
    }
}

fn by_flag(frames: Vec<String>, spinning: Arc<AtomicBool>) {
    let frames = frames.iter().cycle().take_while(|_| spinning.load(Ordering::Relaxed));
    for frame in frames {
        print!("\r{frame}");
        thread::sleep(Duration::from_millis(80)); //~ polled-stop
    }
}

fn once(frames: &[&str]) {
    for frame in frames {
        print!("\r{frame}");
        thread::sleep(Duration::from_millis(80)); //~ none
    }
}

fn moved(cx: &homebound::Context, frames: &[&str]) {
    for frame in frames.iter().cycle() {
        print!("\r{frame}");
        _ = cx.sleep(Duration::from_millis(80)); //~ ignored-stop
    }
}

fn moved_once(cx: &homebound::Context, frames: &[&str]) {
    for frame in frames {
        print!("\r{frame}");
        _ = cx.sleep(Duration::from_millis(80)); //~ none
    }
}

fn start(spinning: Arc<AtomicBool>) {
    thread::spawn(move || by_flag(frames(), spinning)); //~ raw-thread detached-thread
}

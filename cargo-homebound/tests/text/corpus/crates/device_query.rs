// In the manner of device_query and x11-clipboard: threads behind a global.
use std::sync::{Arc, Mutex, Weak};
use std::thread::{sleep, spawn, JoinHandle};
use std::time::Duration;

pub(crate) struct EventLoop {
    callbacks: Arc<Callbacks>,
    _keyboard: JoinHandle<()>,
    mouse: JoinHandle<()>,
}

fn keyboard_thread(callbacks: Weak<Callbacks>) -> JoinHandle<()> {
    spawn(move || { //~ raw-thread
        while let Some(callbacks) = callbacks.upgrade() {
            callbacks.run();
            sleep(Duration::from_micros(100)); //~ polled-stop
        }
    })
}

impl EventLoop {
    fn new() -> EventLoop {
        let callbacks = Arc::new(Callbacks::default());
        let _keyboard = keyboard_thread(Arc::downgrade(&callbacks)); //~ detached-thread
        let mouse = keyboard_thread(Arc::downgrade(&callbacks)); //~ none
        EventLoop { callbacks, _keyboard, mouse }
    }

    fn end(self) {
        self.mouse.join().unwrap();
    }
}

// In the manner of gilrs, rppal and cpal: loops in real time, with messages between two ticks.
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::thread;
use std::time::Duration;

fn play(messages: Receiver<Message>) {
    loop {
        while let Ok(message) = messages.try_recv() {
            match message {
                Message::Stop => return,
                Message::Set(value) => set(value),
            }
        }
        thread::sleep(Duration::from_millis(50)); //~ polled-stop
    }
}

fn play_for_ever(messages: Receiver<Message>) {
    loop {
        while let Ok(message) = messages.try_recv() {
            apply(message);
        }
        thread::sleep(Duration::from_millis(50)); //~ none
    }
}

fn until_disconnected(messages: Receiver<Message>) {
    while let Err(TryRecvError::Empty) = messages.try_recv() {
        tick();
        thread::sleep(Duration::from_millis(5)); //~ polled-stop
    }
}

struct Motor {
    running: AtomicBool,
    position: AtomicBool,
}

impl Motor {
    fn is_on(&self) -> bool {
        self.running.load(Ordering::Acquire)
    }

    fn turn(&self) {
        while self.is_on() {
            step();
            nap(); //~ polled-stop
        }
    }

    fn settle(&self) {
        for _ in 0..10 {
            step();
            thread::sleep(Duration::from_millis(1)); //~ none
        }
    }
}

fn nap() {
    thread::sleep(Duration::from_micros(200)); //~ none
}

// In the manner of bottom, gitui and dust: a terminal's threads.
use crossterm::event::{poll, read};
use homebound::{registry, Context};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

fn create_input_thread(sender: Sender<Event>, terminated: Arc<Mutex<bool>>) -> JoinHandle<()> {
    thread::spawn(move || loop { //~ raw-thread
        if let Ok(terminated) = terminated.try_lock() {
            if *terminated {
                break;
            }
        }
        if let Ok(true) = poll(Duration::from_millis(20)) { //~ polled-stop
            if sender.send(read().unwrap().into()).is_err() {
                break;
            }
        }
    })
}

fn cleaning_thread(lock: Arc<(Mutex<bool>, Condvar)>, sender: Sender<Event>) {
    let _cleaner = thread::spawn(move || loop { //~ raw-thread detached-thread
        let result = lock.1.wait_timeout(lock.0.lock().unwrap(), Duration::from_secs(60)); //~ none
        if *result.unwrap().0 {
            break;
        }
        sender.send(Event::Clean).unwrap();
    });
}

fn progress(receiver: Receiver<()>) {
    while let Err(RecvTimeoutError::Timeout) = receiver.recv_timeout(Duration::from_millis(100)) { //~ none
        draw();
    }
}

fn main() -> std::process::ExitCode {
    let exit = registry::run(|scope| {
        scope.spawn("input", "reads keys from the terminal", |cx| {
            loop {
                let event = read()?; //~ deaf-wait
                handle(cx, event)?;
            }
        })?;
        scope.spawn("draw", "does things", |cx| { //~ blank-purpose
            while !cx.is_stopping() {
                draw();
                let _ = cx.sleep(FRAME); //~ none
            }
            Ok(())
        })?;
        if !has_terminal() {
            std::process::exit(1); //~ process-exit
        }
        Ok(())
    });
    exit.code().into()
}

// In the manner of gping, kmon, bandwhich, diskonaut and tickrs: a terminal's threads, and its
// events from a crate that another one passes on.
use homebound::{registry, Context};
use ratatui::crossterm::event;
use std::io;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use termion::input::TermRead;

fn keys_of_old(killed: Arc<AtomicBool>, keys: SyncSender<event::Event>) {
    thread::spawn(move || { //~ raw-thread detached-thread
        while !killed.load(Ordering::Acquire) {
            if event::poll(Duration::from_secs(5)).unwrap() { //~ polled-stop
                let _ = keys.send(event::read().unwrap());
            }
        }
    });
}

struct Handlers {
    input: thread::JoinHandle<()>,
}

fn handlers() -> Handlers {
    let input = thread::spawn(|| for _key in io::stdin().keys() {}); //~ raw-thread detached-thread
    Handlers { input }
}

fn animation(running: Arc<AtomicBool>, loaded: Arc<AtomicBool>) {
    thread::Builder::new()
        .spawn(move || { //~ raw-thread detached-thread
            while running.load(Ordering::Acquire) && !loaded.load(Ordering::Acquire) {
                draw();
                thread::park_timeout(Duration::from_millis(100)); //~ polled-stop
            }
        })
        .log_err();
}

fn parse(found: Receiver<Packet>, tx: Sender<Row>) {
    loop {
        let packet = found.recv_timeout(Duration::from_millis(150)).unwrap_or_default(); //~ polled-stop
        if tx.is_closed() {
            return;
        }
        show(packet);
    }
}

fn wait_for(running: impl Fn() -> bool, found: &Receiver<Packet>) {
    while running() {
        if found.recv_timeout(Duration::from_secs(1)).is_ok() { //~ polled-stop
            break;
        }
    }
}

fn idle(pool: Weak<Pool>, told: Receiver<()>) {
    while let Some(pool) = pool.upgrade() {
        clean(&pool);
        drop(pool);
        match told.recv_timeout(Duration::from_secs(60)) { //~ none
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn main() {
    registry::run(|scope| {
        scope.spawn("keys", "reads keys from the terminal", |cx| {
            loop {
                if event::poll(Duration::from_millis(20))? { //~ deaf-wait
                    handle(cx, event::read()?)?; //~ none
                }
            }
        })?;
        scope.spawn("typed", "reads keys from standard input", |_cx| {
            for key in io::stdin().keys().flatten() { //~ deaf-wait
                press(key);
            }
            Ok(())
        })?;
        scope.spawn("watch", "runs the command that is watched, again and again", |cx| {
            loop {
                let _status = Command::new("df").status()?; //~ deaf-wait
                cx.sleep(Duration::from_secs(2))?;
            }
        })?;
        scope.spawn("loop", "dispatches what the compositor sends", |_cx| {
            let mut events = toolkit::reexports::calloop::EventLoop::<State>::try_new()?;
            events.dispatch(None, &mut State::default()) //~ deaf-wait
        })?;
        Ok(())
    });
}

//! Waits and flags by other ways than the usual ones.
use homebound::{Context, Scope};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::thread;
use std::time::Duration;

fn polls(rx: Receiver<Cmd>, quit: Receiver<()>, stop: &OnceLock<()>, state: &RwLock<State>, token: &Token) {
    loop {
        if quit.try_recv().is_ok() {
            return;
        }
        thread::sleep(Duration::from_millis(1)); //~ polled-stop
    }
    loop {
        match rx.try_recv() {
            Ok(Cmd::Quit) | Err(TryRecvError::Disconnected) => break,
            Ok(cmd) => handle(cmd),
            Err(TryRecvError::Empty) => thread::sleep(Duration::from_millis(1)), //~ polled-stop
        }
    }
    loop {
        if let Err(TryRecvError::Disconnected) = rx.try_recv() {
            break;
        }
        thread::sleep(Duration::from_millis(1)); //~ polled-stop
    }
    while stop.get().is_none() {
        thread::sleep(Duration::from_millis(1)); //~ polled-stop
    }
    while !token.is_cancelled() {
        thread::sleep(Duration::from_millis(1)); //~ polled-stop
    }
    while !ENDED.load(Relaxed) {
        let ready = unsafe { libc::poll(&mut FD, 1, 100) }; //~ polled-stop
        handle(ready);
    }
    while !ENDED.load(Relaxed) {
        crossbeam_channel::select! { //~ polled-stop
            recv(rx) -> cmd => handle(cmd),
            default(Duration::from_millis(100)) => {}
        }
    }
    while let Ok(cmd) = rx.try_recv() {
        handle(cmd);
        thread::sleep(Duration::from_millis(1)); //~ none
    }
    while !child.is_finished() {
        thread::sleep(Duration::from_millis(1)); //~ none
    }
    let mut tries = 0;
    while connect().is_err() && tries < 5 {
        tries += 1;
        thread::sleep(Duration::from_millis(1)); //~ none
    }
    while Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1)); //~ none
    }
}

fn over(state: &Mutex<State>) -> bool {
    state.lock().unwrap().over
}

fn stopped(flag: &AtomicBool) -> bool {
    return flag.load(Relaxed);
}

fn asks(state: &Mutex<State>, flag: &AtomicBool) {
    while !stopped(flag) {
        thread::sleep(Duration::from_millis(1)); //~ polled-stop
    }
    loop {
        if over(state) {
            break;
        }
        thread::sleep(Duration::from_millis(1)); //~ polled-stop
    }
}

fn streams<S: Read + Write>(cx: &Context, stream: &mut S, conn: &mut Connection, file: &mut std::fs::File) -> io::Result<()> {
    let mut buffer = [0; 16];
    stream.read_exact(&mut buffer)?; //~ deaf-wait
    conn.socket.write_all(&buffer)?; //~ deaf-wait
    file.read_exact(&mut buffer)?; //~ none
    file.write_all(&buffer)?; //~ none
    io::stdin().read_line(&mut String::new())?; //~ deaf-wait
    for line in io::stdin().lines() { //~ deaf-wait
        handle(line?);
    }
    for line in io::stdin().lock().lines() { //~ deaf-wait
        handle(line?);
    }
    for line in BufReader::new(std::fs::File::open("x")?).lines() { //~ none
        handle(line?);
    }
    for line in "a\nb".lines() { //~ none
        handle(line);
    }
    let text = io::read_to_string(io::stdin())?; //~ deaf-wait
    io::copy(&mut std::net::TcpStream::connect("a:1")?, &mut io::sink())?; //~ deaf-wait
    io::copy(&mut std::fs::File::open("x")?, &mut io::sink())?; //~ none
    stream.flush()?; //~ none
    Ok(())
}

struct Inbox {
    letters: Vec<Letter>,
}

impl Inbox {
    fn recv(&mut self) -> Option<Letter> {
        self.letters.pop()
    }

    fn accept(&mut self) -> bool {
        true
    }
}

fn own_names(cx: &Context, inbox: &mut Inbox, boxes: &mut [Inbox]) {
    while let Some(letter) = inbox.recv() { //~ none
        read(letter);
    }
    for one in boxes {
        one.recv(); //~ none
        one.accept(); //~ none
    }
}

fn others(cx: &Context, barrier: &std::sync::Barrier, handles: Vec<thread::JoinHandle<()>>) -> homebound::Result {
    barrier.wait(); //~ deaf-wait
    for handle in handles {
        handle.join().unwrap(); //~ deaf-wait
    }
    let path = std::path::Path::new("a").join("b"); //~ none
    let mut child = Command::new("x").spawn()?;
    if child.try_wait()?.is_none() { //~ none
        child.kill()?;
    }
    let status = child.wait()?; //~ deaf-wait
    let code = response.status(); //~ none
    let text = report.output(); //~ none
    cx.waiting("the end of the child", || child.wait())?; //~ none
    Ok(())
}

fn purposes<'s>(scope: &'s Scope<'s, '_>, named: String) -> homebound::Result {
    scope.spawn("reader", "TODO: describe", |_| Ok(()))?; //~ blank-purpose
    scope.spawn("reader", "todo", |_| Ok(()))?; //~ blank-purpose
    scope.spawn("reader", "???", |_| Ok(()))?; //~ blank-purpose
    scope.spawn("reader", "n/a", |_| Ok(()))?; //~ blank-purpose
    scope.spawn("reader", "a background thread", |_| Ok(()))?; //~ blank-purpose
    scope.spawn("reader", "reader-thread", |_| Ok(()))?; //~ blank-purpose
    scope.spawn("reader", "does some stuff", |_| Ok(()))?; //~ blank-purpose
    scope.spawn("reader", "purpose", |_| Ok(()))?; //~ blank-purpose
    scope.spawn("reader", "reads todo lists", |_| Ok(()))?; //~ none
    scope.spawn("reader", "reads", |_| Ok(()))?; //~ none
    scope.spawn("main loop", "runs the main loop of the window", |_| Ok(()))?; //~ none
    scope.spawn(named, "reads what the named pipe gives", |_| Ok(()))?; //~ none
    Ok(())
}

fn forks(cx: &Context) {
    unsafe { libc::_exit(1) }; //~ process-exit
    if unsafe { libc::fork() } == 0 {
        unsafe { libc::_exit(0) }; //~ none
    }
    std::process::exit(1); //~ process-exit
}

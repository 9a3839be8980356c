//! Loops around waits that fail on the stop: which spin, and which end.
use homebound::channel::{Receiver, Sender, bounded, select};
use homebound::{Context, Io, Result, WaitError};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

fn thrown_away(cx: &Context, rx: &Receiver<u32>, tx: &Sender<u32>) {
    loop {
        let _ = cx.sleep(SECOND); //~ ignored-stop
        let _ignored = cx.sleep(SECOND); //~ ignored-stop
        let _ = cx.recv(rx).map(handle); //~ ignored-stop
        drop(cx.send(tx, 1)); //~ ignored-stop
        cx.recv_timeout(rx, SECOND).unwrap_or_default(); //~ ignored-stop
        cx.sleep(SECOND).unwrap_or_else(|_| log()); //~ ignored-stop
        cx.checkpoint().ok(); //~ ignored-stop
    }
}

fn asked_and_gone_on(cx: &Context, rx: &Receiver<u32>) {
    loop {
        if cx.sleep(SECOND).is_ok() { //~ ignored-stop
            tick();
        }
        if let Err(error) = cx.sleep(SECOND) { //~ ignored-stop
            log(error);
        }
        match cx.recv(rx) { //~ ignored-stop
            Ok(n) if n > 9 => return,
            Ok(n) => handle(n),
            Err(WaitError::Disconnected) => return,
            Err(_) => {}
        }
        let Ok(n) = cx.recv(rx) else { continue }; //~ ignored-stop
        handle(n);
    }
}

fn by_a_variable(cx: &Context, rx: &Receiver<u32>) {
    loop {
        let slept = cx.sleep(SECOND); //~ ignored-stop
        println!("{slept:?}");
    }
}

fn by_a_variable_well(cx: &Context, rx: &Receiver<u32>) -> Result {
    loop {
        let got = cx.recv(rx); //~ none
        if got.is_err() {
            return Ok(());
        }
    }
}

fn given_on(cx: &Context, rx: &Receiver<u32>) {
    loop {
        let got = cx.recv(rx); //~ none
        if !accept(got) {
            break;
        }
    }
}

fn around_a_loop_that_ends(cx: &Context, rx: &Receiver<u32>) {
    loop {
        while let Ok(n) = cx.recv(rx) { //~ ignored-stop
            handle(n);
        }
        for n in cx.iter(rx) { //~ ignored-stop
            handle(n);
        }
        reconnect();
    }
}

fn with_an_end(cx: &Context, rx: &Receiver<u32>, tx: &Sender<u32>) -> Result {
    loop {
        let _ = cx.send(tx, 1); //~ none
        cx.sleep(SECOND)?;
    }
}

fn with_a_look(cx: &Context, tx: &Sender<u32>) {
    loop {
        let _ = cx.send(tx, 1); //~ none
        if cx.is_stopping() {
            break;
        }
    }
}

fn in_another_function(cx: &Context, tx: &Sender<u32>) -> Result {
    loop {
        let _ = cx.send(tx, 1); //~ none
        step(cx)?;
    }
}

fn that_ends_the_process(cx: &Context) {
    loop {
        cx.sleep(SECOND).unwrap_or_else(|_| std::process::exit(1)); //~ process-exit
    }
}

fn last_words(cx: &Context, tx: &Sender<u32>) {
    loop {
        if done() {
            let _ = cx.send(tx, 0); //~ none
            break;
        }
        let _ = wait_elsewhere(cx);
    }
}

fn finite(cx: &Context, tx: &Sender<u32>) {
    for n in 0..10 {
        let _ = cx.send(tx, n); //~ none
    }
    for n in 0.. {
        let _ = cx.send(tx, n); //~ ignored-stop
    }
}

fn waits_all_the_same(cx: &Context, orders: &std::sync::mpsc::Receiver<u32>, tx: &Sender<u32>) {
    while let Ok(n) = orders.recv() { //~ deaf-wait
        let _ = cx.send(tx, n); //~ none
    }
}

fn selects(cx: &Context, rx: &Receiver<u32>) {
    loop {
        select! { //~ ignored-stop
            recv(rx) -> n => handle(n),
            recv(cx.stop_signal()) -> _ => {}
        }
    }
}

fn selects_well(cx: &Context, rx: &Receiver<u32>) -> Result {
    loop {
        select! { //~ none
            recv(cx.stop_signal()) -> _ => return Ok(()),
            recv(rx) -> n => handle(n),
        }
    }
}

fn waits_for_the_stop(cx: &Context) {
    loop {
        cx.wait_for_stop(); //~ ignored-stop
        save();
    }
}

fn waits_for_the_stop_once(cx: &Context) {
    loop {
        let why = cx.wait_for_stop(); //~ none
        log(why);
        break;
    }
}

fn accepts(cx: &Context, listener: &TcpListener) {
    loop {
        let (stream, _) = match cx.accept(listener) { //~ deaf-loop
            Ok(one) => one,
            Err(error) => {
                log(error);
                continue;
            }
        };
        serve(stream);
    }
}

fn accepts_with_a_pause(cx: &Context, listener: &TcpListener) -> Result {
    loop {
        match cx.accept(listener) { //~ none
            Ok((stream, _)) => serve(stream),
            Err(error) => {
                log(error);
                cx.sleep(SECOND)?;
            }
        }
    }
}

fn accepts_and_tells_kinds_apart(cx: &Context, listener: &TcpListener) -> Result {
    loop {
        match cx.accept(listener) { //~ none
            Ok((stream, _)) => serve(stream),
            Err(error) if error.kind() == ConnectionAborted => continue,
            Err(error) => return Err(error.into()),
        }
    }
}

fn accepts_whatever(cx: &Context, listener: &TcpListener) {
    loop {
        cx.accept(listener).map(|(stream, _)| serve(stream)).ok(); //~ deaf-loop
    }
}

fn reads(io: &mut Io<'_, TcpStream>) {
    let mut buffer = [0; 64];
    loop {
        let n = io.read(&mut buffer).unwrap_or(0); //~ deaf-loop
        if n == 0 {
            continue;
        }
        handle(&buffer[..n]);
    }
}

fn reads_well(io: &mut Io<'_, TcpStream>) {
    let mut buffer = [0; 64];
    loop {
        let n = io.read(&mut buffer).unwrap_or(0); //~ none
        if n == 0 {
            break;
        }
        handle(&buffer[..n]);
    }
}

fn lines(cx: &Context, stream: TcpStream) {
    let mut lines = BufReader::new(cx.io(stream)).lines();
    while let Some(line) = lines.next() { //~ deaf-loop
        if let Ok(line) = line {
            handle(line);
        }
    }
}

fn lines_well(cx: &Context, stream: TcpStream) {
    let mut lines = BufReader::new(cx.io(stream)).lines();
    while let Some(Ok(line)) = lines.next() { //~ none
        handle(line);
    }
    for line in BufReader::new(cx.io(stream)).lines().map_while(std::result::Result::ok) { //~ none
        handle(line);
    }
}

fn lines_that_are_ok(cx: &Context, stream: TcpStream) {
    let text: Vec<String> = BufReader::new(cx.io(stream)).lines().filter_map(|line| line.ok()).collect(); //~ deaf-loop
    let quiet = include_str!("x").lines().flat_map(str::chars).count(); //~ none
}

fn waits(cx: &Context, stream: &mut impl Read, sock: &mut Conn) -> Result {
    let status = std::process::Command::new("sync").spawn()?.wait()?; //~ deaf-wait
    let group = homebound::group("helpers")?;
    group.spawn("pump", "pump", |_| Ok(()))?; //~ blank-purpose
    homebound::scope_named("inner", |scope| {
        scope.spawn("inner", "waits for its channel", |cx| {
            let (tx, rx) = bounded(1);
            tx.send(1)?; //~ deaf-wait
            Ok(rx.recv()?) //~ deaf-wait
        })?;
        Ok(())
    })?;
    Ok(())
}

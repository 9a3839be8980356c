// In the manner of tiny_http: accept, a pool with a condition variable, a queue of messages with a method called recv.
use homebound::{Context, Scope};
use std::collections::VecDeque;
use std::net::{TcpListener, TcpStream};
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::{Condvar, Mutex};

struct Queue {
    items: Mutex<VecDeque<Request>>,
    changed: Condvar,
}

impl Queue {
    fn recv(&self) -> Request {
        let mut items = self.items.lock().unwrap();
        loop {
            if let Some(item) = items.pop_front() {
                return item;
            }
            items = self.changed.wait(items).unwrap(); //~ deaf-wait
        }
    }
}

fn handle(cx: &Context, queue: &Queue) -> homebound::Result {
    loop {
        let request = queue.recv(); //~ none
        respond(cx, request)?;
    }
}

fn accept(cx: &Context, listener: &TcpListener) {
    for stream in listener.incoming() { //~ deaf-wait
        if let Ok(stream) = stream {
            serve(stream);
        }
    }
}

fn accept_moved(cx: &Context, listener: &TcpListener) -> homebound::Result {
    loop {
        match cx.accept(listener) { //~ deaf-loop
            Ok((stream, _)) => serve(stream),
            Err(error) => {
                log::warn!("accept: {error}");
                continue;
            }
        }
    }
}

fn accept_well(cx: &Context, listener: &TcpListener) -> homebound::Result {
    loop {
        match cx.accept(listener) { //~ none
            Ok((stream, _)) => serve(stream),
            Err(_) if cx.is_stopping() => return Ok(()),
            Err(error) => log::warn!("accept: {error}"),
        }
    }
}

fn serve(mut stream: TcpStream) {
    let mut head = String::new();
    BufReader::new(&stream).read_line(&mut head).unwrap(); //~ deaf-wait
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap(); //~ deaf-wait
    std::fs::File::open("page.html").unwrap().read_to_string(&mut head).unwrap(); //~ none
}

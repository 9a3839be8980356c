//! Two services, each started when the one before it can be used. Prints:
//!
//! ```text
//! the store is open
//! port 1 is taken: tries another one
//! the server answers: 42
//! the server is closed
//! the store is closed
//! ```

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use homebound::channel::{Sender, bounded};
use homebound::{Context, Exit, Ready, Result, Scope, StartError, run};

const LIMIT: Duration = Duration::from_secs(5);

/// Answers questions until it is told to stop.
fn store(cx: &Context, ready: Ready<Sender<Sender<u8>>>) -> Result {
    let (questions, asked) = bounded::<Sender<u8>>(8);
    println!("the store is open");
    ready.set(questions);
    for answer in cx.drain(&asked) {
        answer.send(42)?;
    }
    println!("the store is closed");
    Ok(())
}

/// Listens, and asks the store for each connection.
fn serve(cx: &Context, ready: Ready<SocketAddr>, port: u16, store: &Sender<Sender<u8>>) -> Result {
    if port == 1 {
        Err("port 1 is taken")?; // before it is ready: the starter's error
    }
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    ready.set(listener.local_addr()?);
    while let Ok((stream, _)) = cx.accept(&listener) {
        let (answer, answered) = bounded(1);
        cx.send(store, answer)?;
        cx.io(stream).write_all(&[cx.recv(&answered)?])?;
    }
    println!("the server is closed");
    Ok(())
}

fn body<'s>(scope: &'s Scope<'s, '_>) -> Result {
    let (_store, questions) = scope.thread("store", "keeps the answers").start(LIMIT, store)?;
    let questions = scope.keep(questions);
    let start = |port| {
        let server = scope.thread("server", "answers connections");
        server.start(LIMIT, move |cx, ready| serve(cx, ready, port, questions))
    };
    let mut started = start(1);
    if let Err(StartError::Failed(_)) = started {
        println!("port 1 is taken: tries another one");
        started = start(0);
    }
    let (_server, address) = started?;
    let (cx, mut answer) = (scope.context(), [0]);
    cx.io(cx.connect(address, LIMIT)?).read_exact(&mut answer)?;
    println!("the server answers: {}", answer[0]);
    Ok(())
}

fn main() -> Exit<()> {
    run(body)
}

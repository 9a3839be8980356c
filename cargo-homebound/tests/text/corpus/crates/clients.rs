// In the manner of nats, lsp-server, metrics-exporter-tcp, timely, zookeeper and fast_log: the
// threads of clients and servers, and what they hand over.
use crossbeam_channel::{bounded, Receiver, Sender};
use homebound::{Context, Scope};
use mio::net::TcpListener;
use std::thread;
use std::time::Duration;

struct Subscription {
    messages: Receiver<Message>,
}

impl Subscription {
    fn next(&self) -> Option<Message> {
        self.messages.recv().ok() //~ deaf-wait
    }
}

struct Iter<'a> {
    subscription: &'a Subscription,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Message;
    fn next(&mut self) -> Option<Message> {
        self.subscription.next()
    }
}

impl<'a> IntoIterator for &'a Subscription {
    type Item = Message;
    type IntoIter = Iter<'a>;
    fn into_iter(self) -> Iter<'a> {
        Iter { subscription: self }
    }
}

fn subscribe(scope: &Scope<'_, '_>, subscription: Subscription) -> homebound::Result {
    scope.spawn("handler", "handles what is published", move |_cx| {
        for message in &subscription {
            handle(message);
        }
        Ok(())
    })?;
    Ok(())
}

fn make_writer() -> (Sender<Message>, thread::JoinHandle<()>, Receiver<Message>) {
    let (sender, receiver) = bounded(0);
    let (done, to_drop) = bounded(0);
    let writer = thread::spawn(move || for message in receiver { done.send(write(message)).ok(); }); //~ raw-thread
    (sender, writer, to_drop)
}

fn transport(scope: &Scope<'_, '_>) -> homebound::Result {
    let (sender, writer, to_drop) = make_writer();
    scope.spawn("dropper", "drops what has been written", move |_cx| {
        to_drop.into_iter().for_each(drop); //~ deaf-wait
        Ok(())
    })?;
    keep(sender, writer);
    Ok(())
}

fn serve(scope: &Scope<'_, '_>, listener: TcpListener) -> homebound::Result {
    scope.spawn("exporter", "sends metrics to who asks", move |cx| {
        loop {
            wait_for_events(cx)?;
            match listener.accept() { //~ none
                Ok((peer, _)) => export(peer),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            }
        }
    })?;
    Ok(())
}

fn cache(cx: &Context, operations: Receiver<Operation>) {
    let mut done = false;
    while !done {
        match cx.recv(&operations) { //~ none
            Ok(operation) => done = apply(operation),
            Err(error) => {
                log(error);
                done = true;
            }
        }
    }
}

fn appender(cx: &Context, records: Receiver<Record>) {
    let mut exit = false;
    while !exit {
        if let Ok(record) = cx.recv(&records) { //~ ignored-stop
            exit = append(record);
        }
    }
}

fn await_peers(cx: &Context, listener: std::net::TcpListener, mut missing: usize) {
    listener.set_nonblocking(true).unwrap();
    while missing > 0 {
        if listener.accept().is_ok() {
            missing -= 1;
        } else {
            let _ = cx.sleep(Duration::from_millis(50)); //~ ignored-stop
        }
    }
}

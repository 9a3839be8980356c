// In the manner of skim and rexpect: readers that feed a list.
use crossbeam_channel::{bounded, unbounded, Receiver, Sender};
use homebound::{Context, Scope};
use std::io::{BufRead, BufReader, Read};

fn collect<'s>(scope: &'s Scope<'s, '_>, mut source: impl BufRead + Send + 's) -> homebound::Result<Receiver<String>> {
    let (tx, rx) = bounded(1024);
    scope.spawn("collector", "reads what is to be chosen from", move |cx| {
        let mut line = String::new();
        loop {
            line.clear();
            if source.read_line(&mut line)? == 0 { //~ deaf-wait
                return Ok(());
            }
            tx.send(line.clone())?; //~ deaf-wait
        }
    })?;
    Ok(rx)
}

fn bytes(cx: &Context, out: std::process::ChildStdout, tx: &Sender<u8>) {
    let mut reader = BufReader::new(cx.io(out));
    let mut byte = [0];
    loop {
        match reader.read(&mut byte) { //~ deaf-loop
            Ok(0) => break,
            Ok(_) => cx.send(tx, byte[0]).unwrap(),
            Err(_) => {}
        }
    }
}

fn bytes_well(cx: &Context, out: std::process::ChildStdout, tx: &Sender<u8>) -> homebound::Result {
    let mut reader = BufReader::new(cx.io(out));
    let mut byte = [0];
    while let Ok(1) = reader.read(&mut byte) { //~ none
        cx.send(tx, byte[0])?;
    }
    Ok(())
}

fn previews(cx: &Context, orders: &Receiver<Order>) {
    let mut running = None;
    while let Ok(order) = cx.recv(orders) { //~ none
        stop(running.take());
        running = Some(start(order));
    }
    loop {
        match cx.recv(orders) { //~ ignored-stop
            Ok(Order::Quit) => break,
            Ok(order) => drop(start(order)),
            Err(error) => log::debug!("{error}"),
        }
    }
}

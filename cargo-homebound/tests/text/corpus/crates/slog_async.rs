// In the manner of slog-async and tracing-appender: a thread that writes records, and a guard that ends it.
use crossbeam_channel::{select, Receiver};
use homebound::Context;
use std::io::Write;

enum Message {
    Record(String),
    Finish,
}

fn write_records(cx: &Context, records: &Receiver<Message>, flush: &Receiver<()>, mut out: impl Write) -> homebound::Result {
    loop {
        select! { //~ deaf-wait
            recv(records) -> record => match record? {
                Message::Record(line) => writeln!(out, "{line}")?,
                Message::Finish => return Ok(()),
            },
            recv(flush) -> _ => out.flush()?,
        }
    }
}

fn write_records_well(cx: &Context, records: &Receiver<Message>, mut out: impl Write) -> homebound::Result {
    loop {
        select! { //~ none
            recv(records) -> record => match record? {
                Message::Record(line) => writeln!(out, "{line}")?,
                Message::Finish => return Ok(()),
            },
            recv(cx.stop_signal()) -> _ => return Ok(()),
        }
    }
}

fn what_is_there(cx: &Context, records: &Receiver<Message>) {
    select! { //~ none
        recv(records) -> record => drop(record),
        default => {}
    }
    let stopped = cx.stop_signal();
    crossbeam_channel::select_biased! { //~ none
        recv(stopped) -> _ => {}
        recv(records) -> record => drop(record),
    }
}

fn spins(cx: &Context, records: &Receiver<Message>) {
    loop {
        if let Ok(Message::Record(line)) = cx.recv(records) { //~ ignored-stop
            println!("{line}");
        }
    }
}

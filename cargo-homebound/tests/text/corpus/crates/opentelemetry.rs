// In the manner of opentelemetry and sentry: batches, now and then, and at the end.
use homebound::{Context, WaitError};
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;

fn export(cx: &Context, spans: &Receiver<Message>, delay: Duration) -> homebound::Result {
    loop {
        match spans.recv_timeout(delay) { //~ deaf-wait
            Ok(Message::Flush(done)) => done.send(flush())?, //~ none
            Ok(Message::Shutdown) | Err(_) => break,
        }
    }
    futures_executor::block_on(send_all())?; //~ deaf-wait
    Ok(())
}

fn export_moved(cx: &Context, spans: &crossbeam_channel::Receiver<Message>, delay: Duration) -> homebound::Result {
    loop {
        match cx.recv_timeout(spans, delay) { //~ none
            Ok(message) => handle(message)?,
            Err(WaitError::TimedOut) => flush(),
            Err(stopped) => return Err(stopped.into()),
        }
    }
}

fn export_badly(cx: &Context, spans: &crossbeam_channel::Receiver<Message>, delay: Duration) {
    loop {
        match cx.recv_timeout(spans, delay) { //~ ignored-stop
            Ok(message) => drop(handle(message)),
            Err(WaitError::Disconnected) => break,
            Err(_) => flush(),
        }
    }
}

fn submit(cx: &Context, spans: &SyncSender<Message>, span: Span) -> homebound::Result {
    spans.send(Message::Span(span))?; //~ deaf-wait
    if spans.try_send(Message::Flush(noone())).is_err() { //~ none
        return Ok(());
    }
    Ok(())
}

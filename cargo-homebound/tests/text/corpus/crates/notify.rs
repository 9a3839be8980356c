// In the manner of notify: a poller and an event loop, started by rote in a scope.
use homebound::{Context, Scope};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::Arc;
use std::time::Duration;

struct Watcher {
    messages: Receiver<Message>,
    events: Sender<Event>,
    poll: mio::Poll,
    stop: Arc<AtomicBool>,
}

impl Watcher {
    fn start<'s>(self, scope: &'s Scope<'s, '_>) -> homebound::Result {
        scope.spawn("watcher", "tells what changed in the folder", move |_| self.run())?;
        Ok(())
    }

    fn run(mut self) -> homebound::Result {
        let mut found = mio::Events::with_capacity(16);
        loop {
            self.poll.poll(&mut found, None)?; //~ deaf-wait
            while let Ok(message) = self.messages.try_recv() {
                match message {
                    Message::Shutdown => return Ok(()),
                    Message::Add(path, done) => drop(done.send(self.add(path))), //~ none
                }
            }
            self.events.send(Event::Changed)?; //~ none
        }
    }

    fn wait_for_answer(&self) -> Answer {
        self.messages.recv().unwrap() //~ none
    }
}

fn rescan(cx: &Context, state: &State, rx: &Receiver<()>, stop: &AtomicBool) {
    while !stop.load(Ordering::SeqCst) {
        state.scan();
        let _ = rx.recv_timeout(Duration::from_secs(1)); //~ deaf-wait polled-stop
        cx.note("scanned");
    }
}

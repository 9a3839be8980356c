// Programs with homebound.
use homebound::registry;
use homebound::{Context, Group, Handle, Registry, Scope};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

fn main() -> homebound::Exit<()> {
    if std::env::args().len() > 2 {
        std::process::exit(2); //~ none
    }
    Registry::new("app").grace(Duration::from_secs(3)).run(|root| {
        let (tx, rx) = crossbeam_channel::bounded(8);
        root.spawn("producer", "feeds the queue", move |cx| {
            for i in 0.. {
                cx.send(&tx, i).map_err(|e| e.cause)?; //~ none
                std::thread::sleep(Duration::from_millis(5)); //~ deaf-wait
            }
            Ok(())
        })?;
        root.spawn("consumer", "eats the queue", move |cx| {
            for x in rx.iter() { //~ deaf-wait
                if x < 0 { std::process::exit(1); } //~ process-exit
            }
            Ok(())
        })?;
        let group = root.group("net")?;
        group.service("acceptor", "", |cx| serve(cx))?; //~ blank-purpose
        group.spawn("stats", "Stats", |cx| Ok(()))?; //~ blank-purpose
        root.subscope("load", |inner| {
            inner.thread("one", "loads the first half").vital().spawn(|cx| { //~ none
                let data = loader.recv()?; //~ deaf-wait
                Ok(())
            })?;
            inner.thread(" ", "loads the other half").spawn(half)?; //~ blank-purpose
            Ok(())
        })?;
        root.context().wait_for_stop();
        Ok(())
    })
}

fn serve(cx: &Context) -> homebound::Result {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    loop {
        let (stream, _) = listener.accept()?; //~ deaf-wait
        cx.spawn("client", "talks to one client", move |cx| talk(cx, stream))?; //~ none
        cx.spawn("client", "client", move |cx| Ok(()))?; //~ blank-purpose
    }
}

fn talk(cx: &homebound::Context, stream: TcpStream) -> homebound::Result {
    let (lock, condvar) = (std::sync::Mutex::new(1), std::sync::Condvar::new());
    let guard = condvar.wait(lock.lock().unwrap()); //~ deaf-wait
    let _wake = 1;
    crossbeam_channel::select! {
        recv(stream.rx) -> x => work(x), //~ none
        recv(cx.stop_signal()) -> _ => return Ok(()), //~ none
    }
    cx.waiting("sqlite", || thread::sleep(Duration::from_secs(1))); //~ none
    cx.with_on_stop(|| stream.shutdown(), || stream.recv()); //~ none
    if fatal() { std::process::abort() } //~ process-exit
    Ok(())
}

fn woken(cx: &Context, l: &std::net::TcpListener) -> homebound::Result {
    let waker = l.try_clone()?;
    let _guard = cx.on_stop(move || wake(&waker));
    l.accept()?; //~ none
    Ok(())
}

fn raw_beside(cx: &Context) {
    let h = thread::spawn(|| { //~ raw-thread
        thread::sleep(Duration::from_secs(1)); //~ none
    });
    h.join().unwrap(); //~ deaf-wait
    let handle = cx.spawn("x", "does what x does", |_| Ok(())).unwrap();
    handle.join().unwrap(); //~ none
}

struct Service { group: Group<'static>, handle: Option<Handle<'static, ()>> }
impl Service {
    fn start(&mut self) -> homebound::Result {
        self.handle = Some(self.group.spawn("s", "serves", |cx| { //~ none
            thread::park(); //~ deaf-wait
            Ok(())
        })?);
        self.group.spawn("s", " - ", |_| Ok(()))?; //~ blank-purpose
        Ok(())
    }
    fn stop(self) { self.handle.unwrap().join().unwrap(); } //~ none
}

fn die() -> ! { cleanup(); std::process::exit(3) } //~ process-exit
fn fine() { std::process::exit(3) } //~ none
fn in_scope() {
    homebound::scope(|s| {
        if s.is_stopping() { die() }
        s.defer("x", || { std::process::abort() }); //~ process-exit
        Ok::<(), homebound::BoxError>(())
    }).unwrap();
    fine();
}

async fn asynchronous(cx: Context) {
    let x = stream.recv().await; //~ none
    listener.accept().await.unwrap(); //~ none
    tokio::time::sleep(Duration::from_secs(1)).await; //~ none
}

fn helper(rx: &mpsc::Receiver<u8>) -> Option<u8> { rx.recv().ok() } //~ none
fn tests_in_place() {
    let other = Other::new();
    other.spawn("name", "name", 3); //~ none
    other.insert("a", "a", |cx| 1); //~ none
    pool.spawn(1, 2, |cx: u8| ()); //~ none
    map.spawn("", "", ""); //~ none
}

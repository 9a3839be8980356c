// In the manner of fd and ignore: walkers that fill a channel, and a printer.
use crossbeam_channel::{bounded, Receiver, Sender};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

struct Worker {
    quit: AtomicBool,
    stack: Stack,
}

impl Worker {
    fn is_quit_now(&self) -> bool {
        self.quit.load(Ordering::SeqCst)
    }

    fn recv(&self) -> Option<Work> {
        self.stack.pop()
    }

    fn get_work(&self) -> Option<Work> {
        loop {
            if self.is_quit_now() {
                return None;
            }
            if let Some(work) = self.recv() { //~ none
                return Some(work);
            }
            thread::sleep(Duration::from_millis(1)); //~ polled-stop
        }
    }
}

fn scan(paths: &[Path]) -> ExitCode {
    let (tx, rx) = bounded(64);
    thread::scope(|scope| { //~ raw-thread
        let receiver = scope.spawn(|| print_all(rx)); //~ raw-thread
        walk(paths, tx);
        receiver.join().unwrap()
    })
}

fn main() {
    ctrlc::set_handler(|| QUIT.store(true, Ordering::SeqCst)).unwrap(); //~ raw-thread
    std::process::exit(scan(&paths()).into()); //~ none
}

fn scan_moved(root: &homebound::Scope<'_, '_>, paths: &[Path]) -> homebound::Result {
    let (tx, rx) = bounded::<Entry>(64);
    root.subscope("scan", |scope| {
        scope.spawn("printer", "prints what the walkers find", |cx| print_moved(cx, &rx))?;
        for path in paths {
            let tx = tx.clone();
            scope.spawn("walker", "walks over one of the folders", move |cx| {
                walk_moved(path, &tx);
                Ok(())
            })?;
        }
        Ok(())
    })
}

fn print_moved(cx: &homebound::Context, rx: &Receiver<Entry>) -> homebound::Result {
    while let Ok(entry) = rx.recv() { //~ deaf-wait
        if print(entry).is_err() {
            std::process::exit(141); //~ process-exit
        }
    }
    Ok(())
}

fn walk_moved(path: &Path, tx: &Sender<Entry>) {
    for entry in path.entries() {
        tx.send(entry).unwrap(); //~ deaf-wait
    }
}

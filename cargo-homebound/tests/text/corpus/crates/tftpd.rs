// In the manner of tftpd, hotwatch and simple-server: one thread for each client.
use homebound::Scope;
use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::thread;

fn listen(server: &Server) {
    while let Ok((packet, from)) = server.socket.receive() {
        thread::spawn(move || answer(packet, from)); //~ raw-thread detached-thread
    }
}

fn watch(handlers: Handlers) {
    let (tx, rx) = channel();
    std::thread::spawn(move || loop { //~ raw-thread detached-thread
        match rx.recv() { //~ none
            Ok(event) => handlers.run(event),
            Err(_) => break,
        }
    });
    register(tx);
}

async fn serve_async(listener: tokio::net::TcpListener) {
    loop {
        let (stream, _) = listener.accept().await.unwrap(); //~ none
        tokio::spawn(answer_async(stream)); //~ raw-thread detached-thread
    }
}

fn serve<'s>(scope: &'s Scope<'s, '_>, listener: TcpListener) -> homebound::Result {
    scope.service("listener", "takes connections", move |cx| {
        while let Ok((stream, peer)) = cx.accept(&listener) { //~ none
            scope.spawn(format!("client {peer}"), "client", move |cx| talk(cx, stream))?; //~ none
            scope.spawn("client", "a client thread", move |cx| Ok(()))?; //~ blank-purpose
        }
        Ok(())
    })?;
    Ok(())
}

fn give_up(scope: &Scope<'_, '_>) {
    if scope.context().stop_reason().is_none() {
        std::process::abort(); //~ process-exit
    }
}

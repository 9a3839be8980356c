// In the manner of flexi_logger and log4rs: a flusher, and a thread that reads the configuration again.
use homebound::Scope;
use std::thread::Builder as ThreadBuilder;
use std::time::Duration;

fn start_flusher(writer: Writer, interval: Duration) -> Result<(), Error> {
    let builder = ThreadBuilder::new().name("flusher".to_string());
    builder.spawn(move || loop { //~ raw-thread detached-thread
        std::thread::sleep(interval); //~ none
        writer.flush().ok();
    })?;
    Ok(())
}

fn moved<'s>(scope: &'s Scope<'s, '_>, writer: Writer, interval: Duration) -> homebound::Result {
    scope.service("flusher", "writes out what is buffered, now and then", move |cx| loop {
        cx.sleep(interval).ok(); //~ ignored-stop
        writer.flush().ok();
    })?;
    scope.service("reloader", "the reloader service", move |cx| { //~ blank-purpose
        loop {
            std::thread::sleep(interval); //~ deaf-wait
            reload()?;
        }
    })?;
    scope.service("flush", "writes out what is buffered at the end", move |cx| {
        while cx.sleep(interval).is_ok() { //~ none
            writer.flush().ok();
        }
        Ok(())
    })?;
    Ok(())
}

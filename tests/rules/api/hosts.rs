//! The functions about what is around a program, with their signatures.
#![allow(clippy::unit_arg)] // `is::<()>(..)` says that there is no result

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use super::{Res, is, owned};
use homebound::channel::Receiver;
use homebound::registry::{before_threads, reloading, sockets};
use homebound::{Context, Exit, Forked, Notify, Quiescent, Registry, Sockets, Stopped};

#[test]
fn types_of_hosts() {
    owned::<Notify>();
    owned::<Forked>();
    fn shown<T: std::fmt::Debug>() {}
    shown::<Notify>();
    shown::<Quiescent>();
    shown::<Sockets>();
}

fn settings() -> Registry {
    Registry::new("web")
        .notify(Notify::from_env())
        .drain_notice(Duration::from_secs(5))
        .probe_file("/run/web/ready")
        .probe_file(String::from("/run/web/ready"))
        .probe_file(std::path::PathBuf::from("/run/web/ready"))
}

fn context(cx: &Context) -> Result<(), Stopped> {
    is::<bool>(cx.is_draining());
    is::<&Receiver<std::convert::Infallible>>(cx.drain_signal());
    is::<()>(cx.status("text"));
    is::<()>(cx.status(String::from("text")));
    is::<()>(cx.ready());
    cx.wait_for_drain()
}

fn process(exit: &Exit<u8>) -> io::Result<()> {
    let mut passed: Sockets = sockets()?;
    is::<Option<OwnedFd>>(passed.take("http"));
    is::<Vec<(String, OwnedFd)>>(passed.into_iter().collect());
    is::<u8>(reloading(|| 3));
    let reloaded: Res = reloading(|| Ok(()));
    drop(reloaded);
    let ran: io::Result<u8> = before_threads(|q: &Quiescent| {
        is::<io::Result<()>>(q.set_var("NAME", "value"));
        is::<io::Result<()>>(q.remove_var(String::from("NAME")));
        is::<io::Result<()>>(q.set_current_dir("/"));
        3
    });
    is::<u8>(ran?);
    let quiescent: Option<Quiescent> = exit.quiescent();
    match quiescent.map(|q| q.fork()).transpose()? {
        Some(Forked::Parent { child }) => is::<u32>(child),
        Some(Forked::Child) | None => {}
    }
    Ok(())
}

#[test]
fn functions_of_hosts() {
    is::<fn() -> Registry>(settings);
    is::<fn(&Context) -> Result<(), Stopped>>(context);
    is::<fn(&Exit<u8>) -> io::Result<()>>(process);
}

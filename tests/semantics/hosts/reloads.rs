//! SM: what the service manager is told of a reload.

use std::os::unix::net::UnixDatagram;
use std::process::Stdio;

use homebound::{Notify, Registry, registry};

use super::{Manager, managed};
use crate::common::*;

fn reloads(_: &str) -> i32 {
    let exit = Registry::new("reloads").notify(Notify::from_env()).run(|scope| {
        // Not ready, so it is not told.
        registry::reloading(|| ());
        scope.context().ready();
        registry::reloading(|| say("inside"));
        let failed: Result<(), &str> = registry::reloading(|| Err("a comma is missing"));
        Ok(assert!(failed.is_err()))
    });
    i32::from(exit.code())
}

#[test]
fn sm4_a_reload_is_one_datagram_with_its_time_and_then_ready() {
    let (manager, child) = managed(Manager::at_path, "", reloads, |_| {});
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
    let seen = manager.rest();
    let kinds: Vec<_> = seen.iter().map(|text| text.split('\n').next().unwrap()).collect();
    assert_eq!(
        kinds[..6],
        ["READY=1", "RELOADING=1", "READY=1", "RELOADING=1", "READY=1", "STOPPING=1"],
        "{seen:?}"
    );
    let micros = seen[1].strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("one datagram");
    assert!(micros.parse::<u64>().unwrap() > 0);
}

fn reloads_until_told(_: &str) -> i32 {
    let exit = Registry::new("reloads").notify(Notify::from_env()).run(|scope| {
        scope.context().ready();
        say("ready");
        std::io::stdin().read_line(&mut String::new())?;
        registry::reloading(|| {
            say("inside");
            std::io::stdin().read_line(&mut String::new())
        })?;
        Ok(())
    });
    i32::from(exit.code())
}

#[test]
fn sm3_a_reload_without_room_is_told_while_it_lasts() {
    // catches: a word for which there was no room, left for a *watch* that nothing wakes
    let (manager, mut child) = managed(Manager::at_path, "", reloads_until_told, |command| {
        command.stdin(Stdio::piped());
    });
    child.until("ready");
    assert_eq!(manager.next(), "READY=1");
    // The test takes all the room there is.
    let others = UnixDatagram::unbound().unwrap();
    others.set_nonblocking(true).unwrap();
    while others.send_to(b"STATUS=of another", &manager.address).is_ok() {}
    child.write_line();
    child.until("inside");
    manager.until("RELOADING=1");
    child.write_line();
    manager.until("READY=1");
    assert_eq!(child.finish().code, Some(0));
}

//! Owns the list of every kind of wait of a context.
//! Refuses to know how a wait ends.

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use super::{NEVER, gate};
use homebound::{Context, Result};

/// Waits for the stop and ends as stopped.
pub fn until_stopped(cx: &Context) -> Result {
    cx.sleep(NEVER)?;
    unreachable!("slept for an hour")
}

/// A kind of wait and a closure that does it.
pub type Wait = (&'static str, fn(&Context) -> Result);

/// Every kind of wait of a context, each of which only a stop can end.
pub fn every_wait() -> Vec<Wait> {
    vec![
        ("sleep", |cx| Ok(cx.sleep(NEVER)?)),
        ("sleep_until", |cx| Ok(cx.sleep_until(Instant::now() + NEVER)?)),
        ("wait_for_stop", |cx| {
            cx.wait_for_stop();
            Ok(cx.checkpoint()?)
        }),
        ("ticks", |cx| {
            assert_eq!(cx.ticks(NEVER).count(), 0);
            Ok(cx.checkpoint()?)
        }),
        ("recv", |cx| {
            let (_keep, never) = gate();
            Ok(cx.recv(&never)?)
        }),
        ("recv_timeout", |cx| {
            let (_keep, never) = gate();
            Ok(cx.recv_timeout(&never, NEVER)?)
        }),
        ("send", |cx| {
            let (never, _keep) = gate();
            Ok(cx.send(&never, ())?)
        }),
        ("iter", |cx| {
            let (_keep, never) = gate();
            assert_eq!(cx.iter(&never).count(), 0);
            Ok(cx.checkpoint()?)
        }),
        ("drain", |cx| {
            let (_keep, never) = gate();
            assert_eq!(cx.drain(&never).count(), 0);
            Ok(cx.checkpoint()?)
        }),
        ("wait_while", |cx| {
            let (never, nobody) = (parking_lot::Mutex::new(()), parking_lot::Condvar::new());
            Ok(cx.wait_while(&nobody, &mut never.lock(), |()| true)?)
        }),
        ("wait_while_timeout", |cx| {
            let (never, nobody) = (parking_lot::Mutex::new(()), parking_lot::Condvar::new());
            Ok(cx.wait_while_timeout(&nobody, &mut never.lock(), |()| true, NEVER)?)
        }),
        ("accept", |cx| {
            cx.accept(&TcpListener::bind("127.0.0.1:0")?)?;
            Ok(())
        }),
        ("read", |cx| {
            let (ours, _keep) = UnixStream::pair()?;
            cx.io(ours).read_exact(&mut [0])?;
            Ok(())
        }),
        ("write", |cx| {
            let (ours, _keep) = UnixStream::pair()?;
            Ok(cx.io(ours).write_all(&vec![0; 8 << 20])?)
        }),
        ("recv_from", |cx| Ok(cx.recv_from(&UdpSocket::bind("127.0.0.1:0")?, &mut [0]).map(|_| ())?)),
        ("wait_readable", |cx| {
            let (ours, _keep) = std::io::pipe()?;
            Ok(cx.wait_readable(&ours, Some(NEVER))?)
        }),
        ("select", |cx| {
            let (_keep, never) = gate();
            crossbeam_channel::select! {
                recv(cx.stop_signal()) -> _ => Ok(cx.checkpoint()?),
                recv(never) -> _ => Ok(()),
            }
        }),
    ]
}

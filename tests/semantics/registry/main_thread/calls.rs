//! No signal ends a system call of the body or of a worker.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::net::UdpSocket;
use std::time::Duration;

use super::{Tell, fork, taker};
use crate::common::*;
use homebound::{Context, Result};
use libc::{SIGHUP, SIGQUIT, SIGTERM, SIGUSR1};

/// Takes what comes, until the stop; any error of the socket but its time-out is one.
fn listen(cx: &Context, tell: &Tell) -> Result {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_secs(3)))?;
    tell.say(b'r');
    while !cx.is_stopping() {
        match socket.recv_from(&mut [0; 8]) {
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => Err(error)?,
            _ => {}
        }
    }
    Ok(())
}

#[test]
fn no_signal_ends_a_call_of_the_body() {
    // catches: a dump, a reload or a stop that ends a recv_from with EINTR
    child_passes(|_| {
        let mut app = fork(|tell| taker(tell, |s| listen(s.context(), tell)));
        let main = app.pid;
        app.until(b'r').until_in(main, libc::SYS_recvfrom).signal(SIGQUIT).signal(SIGHUP).until(b'g');
        app.until_in(main, libc::SYS_recvfrom).signal(SIGUSR1).until(b'g').signal(SIGQUIT);
        app.until_in(main, libc::SYS_recvfrom).signal(SIGTERM);
        app.finish()
    });
}

#[test]
fn no_signal_ends_a_call_of_a_worker() {
    // catches: the same, in a thread that is younger than the internal ones; signals that come
    // while these are not yet awake
    child_passes(|_| {
        let mut app = fork(|tell| {
            taker(tell, |s| {
                for index in 0..8 {
                    let tell = tell.clone();
                    s.spawn(format!("listener {index}"), "takes what comes", move |cx| listen(cx, &tell))?;
                }
                s.context().wait_for_stop();
                Ok(())
            })
        });
        for _ in 0..8 {
            app.until(b'r');
        }
        for _ in 0..50 {
            app.signal(SIGQUIT).signal(SIGHUP).until(b'g');
        }
        app.signal(SIGTERM);
        app.finish()
    });
}

//! Sockets: every acknowledged byte arrives, errors of the system are passed on, one connection
//! goes to one thread.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};

use super::{SOON, is_stop, many_descriptors, socket_path, until_all_wait};
use crate::common::*;
use homebound::{Context, Result, scope};

#[test]
fn one_connection_is_taken_by_one_of_many() {
    // catches: a thread that was told of a connection which another took, and then hears no stop
    in_scope(|s| {
        let listener = std::sync::Arc::new(UnixListener::bind(socket_path("many"))?);
        let (give, take) = crossbeam_channel::unbounded();
        for _ in 0..8 {
            let (listener, give) = (listener.clone(), give.clone());
            s.spawn("door", "takes connections", move |cx| -> Result {
                loop {
                    let (mut stream, _) = cx.accept(&*listener)?;
                    cx.io(&mut stream).write_all(b"welcome")?;
                    give.send(())?;
                }
            })?;
        }
        for _ in 0..200 {
            let mut guest = UnixStream::connect(socket_path("many"))?;
            let mut word = String::new();
            guest.read_to_string(&mut word)?;
            assert_eq!(word, "welcome");
            take.recv()?;
        }
        until_all_wait(s, "accept", 8);
        s.stop();
        let report = s.shutdown(LIMIT);
        std::fs::remove_file(socket_path("many"))?;
        Ok(assert_eq!((report.joined, take.len()), (8, 0), "{report}"))
    });
}

#[test]
fn everything_that_is_written_is_read() {
    // catches: bytes lost or doubled where a transfer is cut into parts: sockets and pipes, small
    // and large buffers
    fn through(cx: &Context, size: usize, from: impl AsFd + Send, to: impl AsFd + Send) {
        let sent: Vec<u8> = (0..3_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let got = std::thread::scope(|t| {
            let sent = &sent;
            t.spawn(move || {
                let mut to = cx.io(to);
                sent.chunks(size).try_for_each(|part| to.write_all(part)).expect("written");
            });
            let mut got = Vec::new();
            BufReader::with_capacity(size, cx.io(from)).read_to_end(&mut got).expect("read");
            got
        });
        assert!(got == sent, "{size}");
    }
    in_scope(|s| {
        for size in [1000, 4096, 100_000] {
            let (ours, theirs) = UnixStream::pair()?;
            through(s.context(), size, ours, theirs);
            let (reader, writer) = std::io::pipe()?;
            through(s.context(), size, reader, writer);
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let ours = s.context().connect(listener.local_addr()?, LIMIT)?;
            let (theirs, _) = s.context().accept(&listener)?;
            through(s.context(), size, ours, theirs);
        }
        Ok(())
    });
}

#[test]
fn errors_of_the_system_are_passed_on() {
    // catches: a signal for a broken pipe, a wait for ever, a panic
    in_scope(|s| {
        let cx = s.context();
        let (ours, theirs) = UnixStream::pair()?;
        drop(theirs);
        assert_eq!(cx.io(&ours).write(b"word").unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(cx.io(&ours).read(&mut [0])?, 0);
        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        assert_eq!(cx.io(&writer).write(b"word").unwrap_err().kind(), ErrorKind::BrokenPipe);
        let gone = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        assert_eq!(cx.connect(gone, LIMIT).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        let nobody: &[SocketAddr] = &[];
        assert_eq!(cx.connect(nobody, LIMIT).unwrap_err().kind(), ErrorKind::InvalidInput);
        // The second address answers.
        let listener = TcpListener::bind("127.0.0.1:0")?;
        cx.connect(&[gone, listener.local_addr()?][..], None)?;
        assert_eq!(cx.io(&ours).read(&mut [])?, 0);
        let mut text = String::new();
        cx.io(std::fs::File::open("Cargo.toml")?).read_to_string(&mut text)?;
        Ok(assert_eq!(text, std::fs::read_to_string("Cargo.toml")?))
    });
}

#[test]
fn datagrams_of_one_socket_go_to_many_and_end_on_stop() {
    // catches: a thread that was told of a datagram which another took, and then hears no stop
    in_scope(|s| {
        let socket = std::sync::Arc::new(UdpSocket::bind("127.0.0.1:0")?);
        let address = socket.local_addr()?;
        for _ in 0..8 {
            let socket = socket.clone();
            s.spawn("receiver", "shares the socket", move |cx| -> Result {
                let mut buffer = [0; 16];
                loop {
                    let (count, from) = cx.recv_from(&socket, &mut buffer)?;
                    cx.send_to(&socket, &buffer[..count], from)?;
                }
            })?;
        }
        let (client, cx) = (UdpSocket::bind("127.0.0.1:0")?, s.context());
        for i in 0..500_u32 {
            let mut buffer = [0; 16];
            assert_eq!(cx.send_to(&client, &i.to_le_bytes(), address)?, 4);
            assert_eq!(cx.recv_from(&client, &mut buffer)?, (4, address));
            assert_eq!(buffer[..4], i.to_le_bytes());
        }
        client.set_read_timeout(Some(SOON))?;
        assert_eq!(cx.recv_from(&client, &mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
        let nobody: &[SocketAddr] = &[];
        assert_eq!(cx.send_to(&client, b"word", nobody).unwrap_err().kind(), ErrorKind::InvalidInput);
        until_all_wait(s, "recv_from", 8);
        s.stop();
        assert!(is_stop(&cx.recv_from(&client, &mut [0]).unwrap_err()));
        assert!(is_stop(&cx.send_to(&client, b"word", address).unwrap_err()));
        Ok(assert_eq!(s.shutdown(LIMIT).joined, 8))
    });
}

/// An echo server whose connections are cut in the middle: what a client was told is there is
/// there.
#[test]
fn every_byte_that_was_acknowledged_was_received() {
    // catches: data that is taken from a socket by a read that then reports the stop instead
    const CLIENTS: usize = 500;
    child_passes(|_| {
        many_descriptors();
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let address = listener.local_addr().expect("bound");
        let received = std::sync::Mutex::new(std::collections::HashMap::new());
        let clients: Vec<_> = (0..CLIENTS).map(|_| std::thread::spawn(move || client(address))).collect();
        let result = scope(|s| {
            s.service("door", "takes connections", |cx| {
                loop {
                    let (stream, from) = cx.accept(&listener)?;
                    let received = &received;
                    s.spawn("guest", "counts, then acknowledges", move |cx| {
                        let mut buffer = [0; 256];
                        loop {
                            let count = cx.io(&stream).read(&mut buffer)?;
                            if count == 0 {
                                return Ok(());
                            }
                            *received.lock().unwrap().entry(from).or_insert(0) += count;
                            cx.io(&stream).write_all(&vec![1; count])?;
                        }
                    })?;
                }
            })?;
            let all = || received.lock().unwrap().values().filter(|count| **count > 2000).count() == CLIENTS;
            eventually("all talk", all);
            Ok(s.stop())
        });
        assert!(result.is_ok(), "{result:?}");
        let received = received.into_inner().unwrap();
        for client in clients {
            let (from, acknowledged) = client.join().expect("it ends");
            let counted = received.get(&from).copied().unwrap_or_default();
            assert!(counted >= acknowledged && acknowledged > 0, "{counted} of {acknowledged}");
        }
        0
    });
}

/// Sends until the server hangs up; returns how many bytes it has acknowledged.
fn client(server: SocketAddr) -> (SocketAddr, usize) {
    let mut stream = TcpStream::connect(server).expect("connected");
    let mut acknowledged = 0;
    let mut answer = [0; 100];
    while stream.write_all(&[7; 100]).and_then(|()| stream.read_exact(&mut answer)).is_ok() {
        acknowledged += answer.len();
    }
    (stream.local_addr().expect("bound"), acknowledged)
}

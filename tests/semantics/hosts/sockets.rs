//! SM: sockets that a service manager passes.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use homebound::registry;

use crate::common::*;

fn takes(_: &str) -> i32 {
    let mut sockets = registry::sockets().expect("sockets");
    assert_eq!(sockets.names().collect::<Vec<_>>(), ["unknown"]);
    let socket = sockets.take("unknown").expect("a socket");
    assert!(sockets.is_empty());
    assert!(registry::sockets().is_err(), "taken once");
    let flags = rustix::io::fcntl_getfd(&socket).unwrap();
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    let listener = TcpListener::from(socket);
    say(&format!("at {}", listener.local_addr().unwrap().port()));
    let (mut connection, _) = listener.accept().unwrap();
    connection.write_all(b"hello").unwrap();
    0
}

/// `sh` passes the socket on, as a service manager does: the process that it becomes has the
/// number of the shell.
#[test]
fn sm10_sockets_are_taken_by_name_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let child = child_with("", takes, |command| {
        let program = command.get_program().to_owned();
        let args: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        let script = "exec 3<&0; exec 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"";
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh"]).arg(program).args(args).env(CHILD, "");
        shell.env_remove("RUST_BACKTRACE").stdout(Stdio::piped()).stderr(Stdio::piped());
        shell.stdin(std::os::fd::OwnedFd::from(listener));
        *command = shell;
    });
    let mut text = String::new();
    std::net::TcpStream::connect(address).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
}

#[test]
fn sm10_without_a_manager_there_are_no_sockets() {
    assert!(registry::sockets().expect("none").is_empty());
}

//! Owns the text of a descriptor: its number, the file behind it, the two ends of a connection.
//! Refuses to keep a descriptor. It may be closed at any time, by any thread: then the text tells
//! less.
#![allow(unsafe_code)]

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::BorrowedFd;

use rustix::net::{
    AddressFamily, SocketAddrAny, SocketAddrUnix, SocketType, getpeername, getsockname, sockopt,
};

/// Number of descriptors that a list names.
const NAMED: usize = 3;

/// Returns the number of a descriptor, and what is behind it if that can be read: `fd 5
/// pipe:[1234]`.
pub(super) fn text(fd: i32) -> String {
    let Ok(file) = fs::read_link(format!("/proc/self/fd/{fd}")) else { return format!("fd {fd}") };
    let file = file.to_string_lossy();
    // Of a socket the link tells only the inode.
    let ends = if file.starts_with("socket:") { ends(fd) } else { None };
    let ends = ends.map(|ends| format!(" {ends}")).unwrap_or_default();
    format!("fd {fd} {file}{ends}")
}

/// Returns the text of several descriptors, of which some are named.
pub(super) fn list(all: &[i32], count: usize) -> String {
    let named: Vec<_> = all.iter().take(NAMED).map(|fd| text(*fd)).collect();
    let more = if count > named.len() { ", .." } else { "" };
    match count {
        0 => "no descriptor".to_owned(),
        1 => named.join(""),
        _ => format!("{count} descriptors ({}{more})", named.join(", ")),
    }
}

/// Returns the text of an epoll instance: itself, and the descriptors that it watches.
pub(super) fn epoll(fd: i32) -> String {
    let watched: Vec<i32> = info(fd, "tfd:").collect();
    if watched.is_empty() { text(fd) } else { format!("{} of {}", text(fd), list(&watched, watched.len())) }
}

/// Returns the pid of the process that a descriptor stands for (`pidfd_open(2)`).
pub(super) fn process(fd: i32) -> Option<i32> {
    info(fd, "Pid:").next()
}

/// The numbers behind a word at the beginning of lines, as the kernel tells of a descriptor.
fn info(fd: i32, word: &str) -> impl Iterator<Item = i32> {
    let text = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap_or_default();
    let numbers =
        text.lines().filter_map(|line| line.strip_prefix(word)?.split_whitespace().next()?.parse().ok());
    numbers.collect::<Vec<_>>().into_iter()
}

/// The ends of a connection: `tcp 127.0.0.1:4711 -> 127.0.0.1:80`.
fn ends(fd: i32) -> Option<String> {
    // A negative number is no descriptor, and -1 would be no value of the type.
    if fd < 0 {
        return None;
    }
    // SAFETY: the number is not negative. Another thread may close the descriptor, or open another
    // one of this number: the calls below only ask, and then they ask about the other one, or fail.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let here = getsockname(fd).ok()?;
    let is_stream = sockopt::socket_type(fd).ok()? == SocketType::STREAM;
    let kind = match (here.address_family(), is_stream) {
        (AddressFamily::INET | AddressFamily::INET6, true) => "tcp",
        (AddressFamily::INET | AddressFamily::INET6, false) => "udp",
        (AddressFamily::UNIX, _) => "unix",
        (AddressFamily::NETLINK, _) => return Some("netlink".to_owned()),
        _ => return None,
    };
    let here = address(&here);
    // Asked first, because a listening socket has no peer, and would be called not connected.
    if sockopt::socket_acceptconn(fd).unwrap_or(false) {
        return Some(format!("{kind} listens at {here}"));
    }
    Some(match getpeername(fd) {
        Ok(Some(there)) => format!("{kind} {here} -> {}", address(&there)),
        Ok(None) | Err(_) => format!("{kind} {here}, not connected"),
    })
}

/// The text of an address.
fn address(any: &SocketAddrAny) -> String {
    if let Ok(address) = SocketAddr::try_from(any.clone()) {
        return address.to_string();
    }
    let unix = SocketAddrUnix::try_from(any.clone()).ok();
    let path = unix.as_ref().and_then(SocketAddrUnix::path).map(|path| path.to_string_lossy().into_owned());
    let name = unix.as_ref().and_then(SocketAddrUnix::abstract_name);
    let name = name.map(|name| String::from_utf8_lossy(name).into_owned());
    path.or(name).map_or_else(|| "unnamed".to_owned(), |path| format!("{path:?}"))
}

/// Returns the text of an address as a program has it in memory (`connect(2)`).
pub(super) fn address_in(bytes: &[u8]) -> Option<String> {
    let family = u16::from_ne_bytes(*bytes.first_chunk()?);
    let port = |bytes: &[u8]| Some(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?));
    match i32::from(family) {
        libc::AF_INET => {
            let host = Ipv4Addr::from(*bytes.get(4..)?.first_chunk::<4>()?);
            Some(SocketAddr::new(IpAddr::V4(host), port(bytes)?).to_string())
        }
        libc::AF_INET6 => {
            let host = Ipv6Addr::from(*bytes.get(8..)?.first_chunk::<16>()?);
            Some(SocketAddr::new(IpAddr::V6(host), port(bytes)?).to_string())
        }
        libc::AF_UNIX => {
            let path = bytes.get(2..)?;
            // The name of an abstract socket begins with a zero.
            let path = path.strip_prefix(b"\0").unwrap_or(path);
            let path = path.split(|byte| *byte == 0).next()?;
            Some(format!("{:?}", String::from_utf8_lossy(path)))
        }
        _ => None,
    }
}

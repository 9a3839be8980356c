//! Owns the surroundings of a studio: its runtime folder, the processes that it starts, a browser
//! that is as rude as need be.
//! Refuses to know the tests.

use std::fs::{self, DirBuilder};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::common::own_path;
use crate::studio::call::PATIENCE;

/// A runtime folder of its own, so that no two tests meet; short, since the name of a socket may
/// not be long.
pub(super) struct Runtime(pub PathBuf);

impl Runtime {
    pub(super) fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = own_path(&number.to_string());
        let _of_another_with_our_pid = fs::remove_dir_all(&path);
        DirBuilder::new().mode(0o700).create(&path).unwrap();
        Runtime(path)
    }

    pub(super) fn text(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// Where the studios meet.
    pub(super) fn inner(&self) -> PathBuf {
        self.0.join("homebound-studio")
    }

    /// The endings of the files in there.
    pub(super) fn left(&self) -> Vec<String> {
        let entries = fs::read_dir(self.inner()).into_iter().flatten().map(|entry| entry.unwrap().path());
        let mut left: Vec<_> =
            entries.map(|path| path.extension().unwrap().to_str().unwrap().to_owned()).collect();
        left.sort();
        left
    }

    pub(super) fn socket(&self) -> PathBuf {
        let mut entries = fs::read_dir(self.inner()).unwrap().map(|entry| entry.unwrap().path());
        entries.find(|path| path.extension().is_some_and(|end| end == "sock")).expect("there is a socket")
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

/// The web servers that show these results, whichever process started them. None may be left.
pub(super) fn servers(out: &Path) -> Vec<u32> {
    let mark = format!("--serve\0{}\0", out.display());
    let pids =
        fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let serves =
        |pid: &u32| fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|text| text.contains(&mark));
    pids.filter(serves).collect()
}

/// Status and body of the answer to these bytes.
pub(super) fn ask(address: &str, request: &[u8]) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // It may hang up before it has read all.
    let _cut_off = stream.write_all(request);
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer);
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n").expect("a head");
    let status = String::from_utf8_lossy(&answer[..head]).split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer[head + 4..].to_vec())
}

pub(super) fn get(address: &str, path: &str) -> (u16, Vec<u8>) {
    ask(address, format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes())
}

/// What the kernel counts for a process: `VmRSS`, in KiB, of its `status`; `wchar` of its `io`.
pub(super) fn counted(pid: u32, file: &str, label: &str) -> usize {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(label)?.strip_prefix(':')).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Until the kernel has done what it was told to.
#[track_caller]
pub(super) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

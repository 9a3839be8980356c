//! Owns the way of a folder from one studio to another: the words on the socket, and the place
//! where the folder waits here.
//! Refuses to know which process may speak (`instance` does), and the use of a folder (`folder`
//! does).

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use homebound::{Context, Result};
use parking_lot::Mutex;

/// The beginning of a request. The rest, to the end of the stream, is the path.
const HELLO: &[u8] = b"studio-handover 1\n";
/// The system takes no longer paths.
const LONGEST: u64 = 4096;
/// The answer to a folder that was taken. Any other answer is a reason for refusing it.
const TAKEN: &str = "taken";
/// How long the second studio waits for the first, which may serve others before it.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the first studio waits for a second, so that a silent one does not keep the others out
/// for long.
const A_MOMENT: Duration = Duration::from_secs(1);

/// The folders that other studios have handed over, until the intake takes them. Closed when there
/// is no intake any more, so that every accepted folder is scanned unless a stop comes, and any
/// other folder is refused.
pub struct Inbox {
    /// `None` when the inbox is closed.
    folders: Mutex<Option<VecDeque<PathBuf>>>,
    ring: Sender<()>,
    bell: Receiver<()>,
}

impl Inbox {
    pub fn new() -> Self {
        let (ring, bell) = bounded(1);
        Inbox { folders: Mutex::new(Some(VecDeque::new())), ring, bell }
    }

    /// Has a message when a folder may be there.
    pub fn bell(&self) -> &Receiver<()> {
        &self.bell
    }

    pub fn next(&self) -> Option<PathBuf> {
        self.folders.lock().as_mut()?.pop_front()
    }

    /// Closes the inbox if it is empty.
    pub fn close_if_empty(&self) -> bool {
        let mut folders = self.folders.lock();
        let empty = folders.as_ref().is_none_or(VecDeque::is_empty);
        if empty {
            *folders = None;
        }
        empty
    }

    /// Closes the inbox, and returns the folders that no thread will scan.
    pub fn close(&self) -> VecDeque<PathBuf> {
        self.folders.lock().take().unwrap_or_default()
    }

    fn put(&self, folder: PathBuf) -> Result<(), &'static str> {
        let mut folders = self.folders.lock();
        let folders = folders.as_mut().ok_or("it is at its end, and takes nothing more")?;
        if folders.len() >= 256 {
            return Err("256 folders are waiting already");
        }
        folders.push_back(folder);
        // One message is enough for all folders in the inbox.
        let _rung_already = self.ring.try_send(());
        Ok(())
    }
}

/// The first studio's end: takes one folder, or says why it cannot.
pub fn receive(cx: &Context, stream: &UnixStream, inbox: &Inbox) -> Result<Result<PathBuf, String>> {
    let mut request = Vec::new();
    let longest = LONGEST + HELLO.len() as u64;
    cx.io(stream).timeout(A_MOMENT).take(longest + 1).read_to_end(&mut request)?;
    let outcome = match request.strip_prefix(HELLO) {
        Some(path)
            if request.len() as u64 <= longest && path.first() == Some(&b'/') && !path.contains(&0) =>
        {
            let folder = PathBuf::from(OsStr::from_bytes(path));
            inbox.put(folder.clone()).map(|()| folder).map_err(str::to_owned)
        }
        _ => Err("this is no request".to_owned()),
    };
    let answer = outcome.as_ref().map_or_else(String::as_str, |_| TAKEN);
    cx.io(stream).timeout(A_MOMENT).write_all(answer.as_bytes())?;
    Ok(outcome)
}

/// The second studio's end: returns when the first has taken the folder. The error is the first
/// studio's reason, or the system's.
pub fn send(cx: &Context, stream: &UnixStream, folder: &Path) -> Result<()> {
    let mut request = HELLO.to_vec();
    request.extend_from_slice(folder.as_os_str().as_bytes());
    cx.io(stream).timeout(PATIENCE).write_all(&request)?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    cx.io(stream).timeout(PATIENCE).take(1024).read_to_string(&mut answer)?;
    match answer.as_str() {
        TAKEN => Ok(()),
        "" => Err("it has gone without an answer".into()),
        reason => Err(reason.into()),
    }
}

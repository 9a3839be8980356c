//! Owns the question which studio of this user is the first to write to a folder of results, and
//! the socket on which other studios reach the first one.
//! Refuses other users, and to guess: a lock decides which studio is first, and the kernel releases
//! the lock when its holder dies.
//!
//! In the runtime folder stand `KEY.lock`, which the first studio holds for its life, and
//! `KEY.sock`, on which it listens. KEY is the identity of the folder of results, under any name.
//! After a crash both files are still there and mean nothing, because the lock is free.
//!
//! Three races are possible, and closed:
//! - *The double take-over*: two studios find the socket of a dead one, and the slower removes the
//!   socket that the quicker has made. So only the holder of the lock removes it.
//! - *The early knock*: a studio finds that the lock is taken, and the socket not there yet. So
//!   there is a gate, a lock on the runtime folder, which each studio holds for the moment of its
//!   decision. The holder of `KEY.lock` was in the gate until it listened, so a socket that does
//!   not answer belongs to a studio at its end.
//! - *The lock of nobody*: a studio opens the lock file that another is about to remove, and holds
//!   that file while a third makes a new one. So the end of a first studio is behind the same gate.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use homebound::{Context, Result, Scope};
use parking_lot::Mutex;
use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, FdFlags, fcntl_setfd, ioctl_fionbio};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, connect, socket};

use crate::faults::before_listening;
use crate::handover;
use crate::options::Options;
use crate::runtime;
use crate::studio::{Studio, folder_of_pictures};
use crate::text::{one_line, shown};

/// The result of a start's claim.
pub enum Claim {
    First(Instance),
    /// Another studio is first, and has taken our folder: this one.
    HandedOver(PathBuf),
}

/// The place of the first, until it is dropped.
pub struct Instance {
    runtime: PathBuf,
    socket: PathBuf,
    lock: PathBuf,
    listener: Mutex<Option<UnixListener>>,
    /// Locked as long as it is open.
    _held: File,
}

/// Becomes the first, or hands over. The error says why neither worked.
pub fn claim(cx: &Context, options: &Options) -> Result<Claim, String> {
    let Options { folder, out, .. } = options;
    folder_of_pictures(folder)?;
    let told = |error: io::Error| format!("{}: no place for results: {error}", shown(out));
    fs::create_dir_all(out).map_err(told)?;
    let id = fs::metadata(out).map_err(told)?;
    let runtime = runtime::folder()?;
    match decide(runtime, &format!("{:x}-{:x}", id.dev(), id.ino())) {
        Ok(Found::Nobody(first)) => Ok(Claim::First(first)),
        Ok(Found::Somebody(stream)) => {
            let folder = fs::canonicalize(folder).map_err(|error| format!("{}: {error}", shown(folder)))?;
            let sent = handover::send(cx, &stream, &folder);
            sent.map_err(|error| {
                format!("the studio that writes to {} did not take {}: {error}", shown(out), shown(&folder))
            })?;
            Ok(Claim::HandedOver(folder))
        }
        Err(error) => Err(format!("{}: {error}", shown(out))),
    }
}

enum Found {
    Nobody(Instance),
    Somebody(UnixStream),
}

/// One studio at a time, behind the gate. Nothing in here takes long.
fn decide(runtime: PathBuf, key: &str) -> io::Result<Found> {
    let (lock, socket) = (runtime.join(format!("{key}.lock")), runtime.join(format!("{key}.sock")));
    let _gate = gate(&runtime)?;
    let held = File::options().create(true).truncate(false).write(true).mode(0o600).open(&lock)?;
    match flock(&held, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {
            before_listening();
            remove(&socket)?;
            let listener = UnixListener::bind(&socket)?;
            fs::set_permissions(&socket, Permissions::from_mode(0o600))?;
            let listener = Mutex::new(Some(listener));
            Ok(Found::Nobody(Instance { runtime, socket, lock, listener, _held: held }))
        }
        Err(Errno::WOULDBLOCK) => Ok(Found::Somebody(knock(&socket)?)),
        Err(error) => Err(error.into()),
    }
}

/// Waits for the studio that decides at this moment.
fn gate(runtime: &Path) -> io::Result<File> {
    let gate = File::open(runtime)?;
    flock(&gate, FlockOperation::LockExclusive)?;
    Ok(gate)
}

/// Never waits, because a suspended first studio has a full queue in time.
fn knock(at: &Path) -> io::Result<UnixStream> {
    let ours = socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    fcntl_setfd(&ours, FdFlags::CLOEXEC)?;
    ioctl_fionbio(&ours, true)?;
    connect(&ours, &SocketAddrUnix::new(at)?).map_err(|error| {
        let why = match io::Error::from(error) {
            error if [ErrorKind::NotFound, ErrorKind::ConnectionRefused].contains(&error.kind()) => {
                "the studio that writes there is at its end: try again in a moment".to_owned()
            }
            error if error.kind() == ErrorKind::WouldBlock => {
                "the studio that writes there does not answer".to_owned()
            }
            error => format!("the studio that writes there cannot be reached: {error}"),
        };
        io::Error::other(why)
    })?;
    let stream = UnixStream::from(ours);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// Within the gate, as a start is. Otherwise it might remove the files that the next studio has
/// just made.
impl Drop for Instance {
    fn drop(&mut self) {
        if let Ok(_gate) = gate(&self.runtime) {
            // The next studio takes over the files that stay, as after a crash.
            let _stays = remove(&self.socket).and_then(|()| remove(&self.lock));
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A service, so that it also answers, with a refusal, studios that come while the workers finish.
pub fn start<'scope, 'env>(scope: &'scope Scope<'scope, 'env>, studio: &'env Studio) -> Result {
    let listener = studio.instance.as_ref().and_then(|instance| instance.listener.lock().take());
    if let Some(listener) = listener {
        scope.service("instance", "takes folders from later studios", move |cx| {
            listen(cx, studio, &listener)
        })?;
    }
    Ok(())
}

/// One after another, because they are few, and each has only a moment.
fn listen(cx: &Context, studio: &Studio, listener: &UnixListener) -> Result {
    loop {
        let outcome = cx.accept(listener).map_err(Into::into).and_then(|(stream, _)| {
            check_peer(&stream)?;
            handover::receive(cx, &stream, &studio.inbox)
        });
        match outcome {
            Ok(Ok(folder)) => {
                studio.console.say(format_args!("handed over by another studio: {}", shown(&folder)))
            }
            Ok(Err(refusal)) => {
                studio.console.note(format_args!("instance: a folder was refused: {refusal}"))
            }
            Err(error) if cx.is_stopping() => return Err(error),
            Err(error) => {
                studio.console.complain(format_args!("instance: {}", one_line(&error.to_string())));
                // Perhaps no descriptor is left. Without a pause the error would come again and
                // again.
                cx.sleep(std::time::Duration::from_millis(20))?;
            }
        }
    }
}

/// The modes of folder and socket keep other users out. If the modes were changed, this check does.
#[cfg(target_os = "linux")]
fn check_peer(stream: &UnixStream) -> Result {
    let (peer, own) = (rustix::net::sockopt::socket_peercred(stream)?.uid, rustix::process::geteuid());
    match peer == own {
        true => Ok(()),
        false => Err(format!("a process of user {} was refused", peer.as_raw()).into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn check_peer(_: &UnixStream) -> Result {
    Ok(())
}

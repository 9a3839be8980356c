//! Owns the runtime folder, in which the studios of one user find each other.
//! Refuses a folder that other users can write to, because they could pose as the first studio.

use std::env;
use std::fs::{self, DirBuilder, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use crate::text::shown;

/// `$XDG_RUNTIME_DIR/homebound-studio`. Without such a variable, or if its folder belongs to
/// another user (as after `su`), `/tmp/homebound-studio-UID`. The folder is made if it is not
/// there.
pub fn folder() -> Result<PathBuf, String> {
    let uid = geteuid().as_raw();
    let session = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| is_ours(dir, uid));
    let folder = match session {
        Some(session) => session.join("homebound-studio"),
        None => env::temp_dir().join(format!("homebound-studio-{uid}")),
    };
    make(&folder, uid).map_err(|error| format!("{}: no runtime folder: {error}", shown(&folder)))?;
    Ok(folder)
}

fn is_ours(dir: &Path, uid: u32) -> bool {
    dir.is_absolute() && fs::metadata(dir).is_ok_and(|meta| meta.is_dir() && meta.uid() == uid)
}

fn make(folder: &Path, uid: u32) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        // The folder may belong to any user, or be a link to any place.
        _ => {}
    }
    match whats_wrong(&fs::symlink_metadata(folder)?, uid) {
        Some(why) => Err(io::Error::new(ErrorKind::PermissionDenied, why)),
        None => Ok(()),
    }
}

fn whats_wrong(meta: &Metadata, uid: u32) -> Option<String> {
    match () {
        () if !meta.is_dir() => Some("it is not a folder; remove it".to_owned()),
        () if meta.uid() != uid => Some(format!("it belongs to user {}, not to us", meta.uid())),
        () if meta.mode() & 0o077 != 0 => {
            Some(format!("others may enter it (mode {:o}); chmod it to 700", meta.mode() & 0o777))
        }
        () => None,
    }
}

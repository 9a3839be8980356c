//! Owns what no other process of the machine has: names, paths, users. Tests of another working
//! copy may run at the same time, also in another namespace with the same numbers of processes.
//! Refuses to make a file.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// The kernel's number of the namespace, without which the number of a process is not enough.
fn namespace() -> u64 {
    std::fs::metadata("/proc/self/ns/pid").map_or(0, |namespace| namespace.ino())
}

/// A name of this process alone.
pub fn own_name(what: &str) -> String {
    format!("homebound-{what}-{:x}-{}", namespace() % 0x1_0000, std::process::id())
}

/// A path in the folder for temporary files, of this process alone.
pub fn own_path(what: &str) -> PathBuf {
    std::env::temp_dir().join(own_name(what))
}

/// The number of a user with no other process. The system's own users are below, and Linux has
/// numbers of processes up to 4,194,304.
pub fn own_user() -> u32 {
    200_000 + u32::try_from(namespace() % 900).expect("small") * 4_194_304 + std::process::id()
}

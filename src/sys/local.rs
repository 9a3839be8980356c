//! Owns the question whether a file is on this machine, so that a call for it does not wait for
//! another one.
//! Refuses to guess: a file system that it does not know is not of this machine.

use std::path::Path;

/// The file systems of this machine that programs are likely to use, by their magic numbers:
/// tmpfs, overlay, ext, xfs, btrfs, zfs, f2fs, ramfs.
const LOCAL: [u32; 8] =
    [0x0102_1994, 0x794c_7630, 0xef53, 0x5846_5342, 0x9123_683e, 0x2fc1_2fc1, 0xf2f5_2010, 0x8584_58f6];

/// True if the file system of `path` is known to be on this machine. Blocks if it is not, and the
/// other machine does not answer.
pub(super) fn is_local(path: &Path) -> bool {
    // The type of the field differs between systems; a magic number has 32 bits.
    let magic = rustix::fs::statfs(path).map(|about| about.f_type as u64 & u64::from(u32::MAX));
    magic.is_ok_and(|magic| LOCAL.iter().any(|local| u64::from(*local) == magic))
}

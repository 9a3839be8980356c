//! Owns the answer to which files lie in a file system that may not answer.
//! Refuses to touch any of these file systems: the kernel has a list of them.

/// File systems whose data is on this machine. In any other, a read may block for ever: a network
/// share whose server is gone, or a process that serves the file system and hangs.
const LOCAL: [&str; 21] = [
    "bcachefs", "btrfs", "erofs", "exfat", "ext2", "ext3", "ext4", "f2fs", "iso9660", "jfs", "nilfs2",
    "ntfs3", "overlay", "ramfs", "reiserfs", "rootfs", "squashfs", "tmpfs", "ubifs", "xfs", "zfs",
];

/// The mounts that the process sees.
pub(crate) struct Mounts {
    /// `None`: the kernel does not show them.
    text: Option<String>,
}

impl Mounts {
    pub(crate) fn read() -> Mounts {
        let bytes = std::fs::read("/proc/self/mountinfo");
        Mounts { text: bytes.ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()) }
    }

    /// Why the file of this path is not to be read; `None` if it is in a local file system.
    pub(crate) fn refusal(&self, path: &str) -> Option<String> {
        let Some(text) = &self.text else {
            return Some("not read, because its file system is not known".to_owned());
        };
        let mounts = text.lines().filter_map(mount);
        // The last of the longest: a later mount covers an earlier one at the same place.
        let around = mounts.filter(|(point, _)| is_below(path, point)).max_by_key(|(point, _)| point.len());
        match around {
            Some((_, kind)) if LOCAL.contains(&kind) => None,
            Some((_, kind)) => Some(format!("not read, because its file system, {kind}, may not answer")),
            None => Some("not read, because its file system is not known".to_owned()),
        }
    }
}

/// `ID PARENT DEVICE ROOT POINT OPTIONS .. - TYPE SOURCE OPTIONS`
fn mount(line: &str) -> Option<(String, &str)> {
    let (before, after) = line.split_once(" - ")?;
    Some((unescaped(before.split(' ').nth(4)?), after.split(' ').next()?))
}

fn is_below(path: &str, point: &str) -> bool {
    let rest = path.strip_prefix(point.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The kernel writes a space, a tabulator, a line feed and a backslash as `\\` and three octal
/// digits.
fn unescaped(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .into_iter()
        .fold(text.to_owned(), |text, (written, meant)| text.replace(written, meant))
}

#[cfg(test)]
mod tests {
    use super::Mounts;

    #[test]
    fn the_innermost_and_latest_mount_decides() {
        let text = "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
                    40 21 0:40 / /mnt/a\\040b rw shared:1 - nfs4 server:/x rw\n\
                    41 40 0:41 / /mnt/a\\040b/local rw - tmpfs none rw\n\
                    42 21 0:42 / /twice rw - tmpfs none rw\n\
                    43 42 0:43 / /twice rw - fuse.sshfs host:/ rw\n";
        let mounts = Mounts { text: Some(text.to_owned()) };
        let refused = |path: &str| mounts.refusal(path);
        assert_eq!(refused("/usr/bin/program"), None);
        assert!(refused("/mnt/a b/program").unwrap().contains("nfs4"));
        assert_eq!(refused("/mnt/a b/local/program"), None);
        assert_eq!(refused("/mnt/a bc/program"), None);
        assert!(refused("/twice/program").unwrap().contains("fuse.sshfs"));
        assert!(Mounts { text: None }.refusal("/usr/bin/program").is_some());
    }
}

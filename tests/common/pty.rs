//! Owns pseudo-terminals.
//! Refuses to know the semantics under test.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// A new terminal: its master, and its line. Child processes do not inherit them, and neither
/// becomes the caller's own terminal.
pub fn pty() -> (File, File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
    grantpt(&master).and_then(|()| unlockpt(&master)).expect("its line may be opened");
    let name = ptsname(&master, Vec::new()).expect("its line has a name");
    let name = Path::new(name.to_str().expect("a path in ASCII"));
    let line = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOCTTY).open(name);
    (File::from(master), line.expect("the line"))
}

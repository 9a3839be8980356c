//! Owns what the kernel tells of a thread in `/proc/self/task/TID`.
//! Refuses to read memory. Allocates nothing.
//!
//! A descriptor belongs to the thread for which it was opened, not to its number: when that thread
//! has ended it reads `ESRCH`, even if a new thread has the number. So a thread whose first file
//! can still be read at the end had its number all the while, and all files that were opened since
//! are its own.

use std::ffi::CStr;
use std::fmt::Write;
use std::io;

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Access, Mode, OFlags, access, open};
use rustix::io::{Errno, pread};

use crate::linux::walk::Registers;
use crate::linux::walk::arch::Arch;
use crate::stack::{Call, NotCaptured};

/// The calling thread, as the kernel counts it: what [`Stacks::capture`](crate::Stacks::capture)
/// takes.
#[must_use]
pub fn thread_id() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}

/// All threads of this process, as the kernel counts them, in the order of their numbers.
///
/// # Errors
///
/// The kernel's, if `/proc` is not there or hidden.
pub fn threads() -> io::Result<Vec<i32>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc/self/task")? {
        found.extend(entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()));
    }
    found.sort_unstable();
    Ok(found)
}

/// A thread that is off the processor, as the file `syscall` tells of it.
pub(crate) struct Asleep {
    pub(crate) call: Option<Call>,
    /// Stack pointer and program counter.
    pub(crate) registers: Registers,
}

/// How often a thread was put on a processor, or taken from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turns {
    /// It was put on one so often: counted before it runs.
    Begun(u64),
    /// It was taken from one so often: counted after it ran.
    Over(u64),
}

/// The signals and the seccomp filters of a thread, read before the thread gets a signal.
pub(crate) struct Mask {
    /// Bit *n* - 1: signal *n* is blocked.
    pub(crate) blocked: u64,
    /// Bit *n* - 1: signal *n* is queued for the thread, and not delivered.
    pub(crate) pending: u64,
    /// Mode, and how many filters there are.
    pub(crate) seccomp: (u64, u64),
}

/// Bytes of a file of lines that are read at a time.
const PIECE: usize = 2048;

/// A file that the kernel writes anew for each reading.
pub(crate) struct File {
    file: OwnedFd,
    name: &'static str,
}

impl File {
    /// Opens a file of one thread.
    pub(crate) fn open(tid: i32, name: &'static str) -> Result<File, NotCaptured> {
        let mut path = Text::<64>::new();
        let is_written = write!(path, "/proc/self/task/{tid}/{name}").is_ok();
        debug_assert!(is_written, "the longest path has 43 bytes");
        match open(path.c_str(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) {
            Ok(file) => Ok(File { file, name }),
            // No such thread, or without /proc none at all.
            Err(Errno::NOENT | Errno::SRCH) if access(c"/proc/self/task", Access::EXISTS).is_ok() => {
                Err(NotCaptured::Gone)
            }
            Err(errno) => Err(hidden(name, errno)),
        }
    }

    fn read<'a>(&self, buffer: &'a mut [u8]) -> Result<&'a str, NotCaptured> {
        self.read_from(buffer, 0)
    }

    fn read_from<'a>(&self, buffer: &'a mut [u8], offset: u64) -> Result<&'a str, NotCaptured> {
        let read = pread(self.file.as_fd(), &mut *buffer, offset);
        let length = read.map_err(|errno| match errno {
            Errno::SRCH => NotCaptured::Gone,
            errno => hidden(self.name, errno),
        })?;
        Ok(std::str::from_utf8(&buffer[..length]).unwrap_or_default())
    }

    /// Where the thread sleeps, if this is its file `syscall`. `None`: it runs.
    pub(crate) fn asleep(&self, arch: &Arch) -> Result<Option<Asleep>, NotCaptured> {
        let mut buffer = [0; 256];
        let text = self.read(&mut buffer)?;
        if text.starts_with("running") {
            return Ok(None);
        }
        asleep(text, arch).map(Some).ok_or(NotCaptured::NoStack)
    }

    /// The numbers behind these names, each at the beginning of a line, by the bases in which they
    /// are written. Reads the file in pieces: `status` has a line of any length with the groups of
    /// the user.
    fn numbers<const N: usize>(&self, names: [(&str, u32); N]) -> Result<[Option<u64>; N], NotCaptured> {
        let (mut buffer, mut from, mut found) = ([0; PIECE], 0, [None; N]);
        loop {
            let text = self.read_from(&mut buffer, from)?;
            let is_last = text.len() < PIECE;
            // The last line may go on in the next piece.
            let whole = if is_last { text.len() } else { text.rfind('\n').map_or(0, |at| at + 1) };
            for (name, value) in text[..whole].lines().filter_map(|line| line.split_once(':')) {
                let wanted = names.iter().zip(&mut found).find(|((wanted, _), _)| *wanted == name);
                let Some(((_, base), place)) = wanted else { continue };
                *place = u64::from_str_radix(value.trim(), *base).ok();
            }
            if is_last || found.iter().all(Option::is_some) {
                return Ok(found);
            }
            // A line that fills the piece is none of these, so its rest may be read as a line.
            from += if whole == 0 { PIECE } else { whole } as u64;
        }
    }

    /// Whether the thread is still there.
    pub(crate) fn is_alive(&self) -> bool {
        self.read(&mut [0; 16]).is_ok()
    }
}

/// `NUMBER ARGUMENTS SP PC`, or `-1 SP PC` if the thread sleeps in no call.
fn asleep(text: &str, arch: &Arch) -> Option<Asleep> {
    let mut words = [0; 9];
    let mut count = 0;
    for (word, place) in text.split_ascii_whitespace().zip(&mut words) {
        let hexadecimal = word.strip_prefix("0x").map(|digits| u64::from_str_radix(digits, 16));
        *place = hexadecimal.unwrap_or_else(|| word.parse::<i64>().map(|number| number as u64)).ok()?;
        count += 1;
    }
    let (call, sp, pc) = match (count, words) {
        (9, [number, arguments @ .., sp, pc]) => (Some(Call { number, arguments }), sp, pc),
        (3, [_, sp, pc, ..]) => (None, sp, pc),
        _ => return None,
    };
    let mut registers = Registers::NONE;
    registers.set(arch.sp, Some(sp));
    registers.set(arch.pc, Some(pc));
    (sp != 0 && pc != 0).then_some(Asleep { call, registers })
}

/// The signals and filters of a thread.
pub(crate) fn mask(tid: i32) -> Result<Mask, NotCaptured> {
    let file = File::open(tid, "status")?;
    let names = [("SigBlk", 16), ("SigPnd", 16), ("Seccomp", 10), ("Seccomp_filters", 10)];
    let [blocked, pending, mode, filters] = file.numbers(names)?;
    // Without the line nothing is known, so everything counts as blocked.
    Ok(Mask {
        blocked: blocked.unwrap_or(u64::MAX),
        pending: pending.unwrap_or(0),
        seccomp: (mode.unwrap_or(0), filters.unwrap_or(0)),
    })
}

/// The file in which the turns of one thread are counted.
pub(crate) struct TurnFile {
    file: File,
    is_begun: bool,
}

impl TurnFile {
    /// Opens the file, and reads it for the first time.
    pub(crate) fn open(tid: i32) -> Result<(TurnFile, Turns), NotCaptured> {
        let file = File::open(tid, "schedstat")?;
        if let Some(turns) = begun(file.read(&mut [0; 128])?) {
            return Ok((TurnFile { file, is_begun: true }, Turns::Begun(turns)));
        }
        let turns = TurnFile { file: File::open(tid, "status")?, is_begun: false };
        let first = turns.read()?;
        Ok((turns, first))
    }

    pub(crate) fn read(&self) -> Result<Turns, NotCaptured> {
        let turns = if self.is_begun {
            begun(self.file.read(&mut [0; 128])?).map(Turns::Begun)
        } else {
            over(&self.file)?.map(Turns::Over)
        };
        turns.ok_or(NotCaptured::Hidden { file: self.file.name, errno: libc::ENODATA })
    }
}

/// The third number of `schedstat`, where the kernel counts: a thread that exists has begun once.
fn begun(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().nth(2)?.parse().ok().filter(|turns| *turns != 0)
}

/// Both kinds of switches in `status`.
fn over(status: &File) -> Result<Option<u64>, NotCaptured> {
    let names = [("voluntary_ctxt_switches", 10), ("nonvoluntary_ctxt_switches", 10)];
    let [own, forced] = status.numbers(names)?;
    Ok(own.zip(forced).and_then(|(own, forced)| own.checked_add(forced)))
}

/// Whether `/proc` counts threads as [`thread_id`] does: it does not if it was mounted in another
/// pid namespace. Unknown counts as yes.
pub(crate) fn is_own_namespace() -> bool {
    let own = std::fs::read_link("/proc/thread-self").ok();
    let seen = own.as_ref().and_then(|path| path.file_name()?.to_str()?.parse().ok());
    seen.is_none_or(|seen: i32| seen == thread_id())
}

fn hidden(file: &'static str, errno: Errno) -> NotCaptured {
    NotCaptured::Hidden { file, errno: errno.raw_os_error() }
}

/// Text of a fixed size with a zero behind it, so that no path needs the heap.
struct Text<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Text<N> {
    fn new() -> Self {
        Text { bytes: [0; N], length: 0 }
    }

    fn c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}

impl<const N: usize> Write for Text<N> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.length + text.len();
        // One byte stays zero.
        if end >= N {
            return Err(std::fmt::Error);
        }
        self.bytes[self.length..end].copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// Whether a thread with this mask may get this signal: the thread does not block the signal, has
/// none outstanding, and has no stricter filter than the caller.
pub(crate) fn may_be_sent(number: i32, of: &Mask) -> Result<(), NotCaptured> {
    let bit = 1_u64.checked_shl(number.unsigned_abs().wrapping_sub(1)).unwrap_or(0);
    if of.blocked & bit != 0 {
        return Err(NotCaptured::Blocked);
    }
    if of.pending & bit != 0 {
        return Err(NotCaptured::Outstanding);
    }
    // Filters are inherited and never taken off: as many as the caller's are most likely the same.
    if of.seccomp != (0, 0) && of.seccomp != mask(thread_id())?.seccomp {
        return Err(NotCaptured::Sandboxed);
    }
    Ok(())
}

//! Owns the text of the arguments of a system call in which a thread is: paths, descriptors,
//! children, times.
//! Refuses to say whether the thread was in this call all the while: `kernel_look` does.

use std::ffi::CStr;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::calls::{Kind, TimeOut};
use super::proc::{bytes_of, children_of, split_stat};
use super::{clock, descriptor, own_memory};

/// Number of bytes of a path that are shown.
const SHOWN_OF_PATH: usize = 256;
/// Number of bytes of the longest address of a socket (`struct sockaddr_un`).
const LONGEST_ADDRESS: usize = 110;
/// Number of entries of an array of descriptors that are read.
const POLLED: usize = 8;
/// The highest descriptor that `select(2)` takes, and one.
const SELECTED: usize = 1024;

/// The text of the arguments of one call.
#[derive(Default)]
pub(super) struct About {
    pub(super) text: Option<String>,
    /// Set if the text tells of anything but the numbers that the kernel has shown: of memory, or
    /// of a descriptor. Then it holds only if the thread was in the call until it was read.
    pub(super) looked: bool,
    /// The reason for which the kernel refuses to copy memory.
    pub(super) refused: Option<io::Error>,
}

/// The arguments of a call of the thread `id`.
pub(super) struct Arguments<'a> {
    pub(super) id: u32,
    pub(super) words: &'a [u64],
}

impl Arguments<'_> {
    /// Returns the text of the arguments.
    pub(super) fn about(&self, kind: Kind) -> About {
        // These kinds use the numbers alone, which the kernel has shown together with the call.
        let looked = !matches!(kind, Kind::Plain | Kind::Futex);
        match self.text(kind) {
            Ok(text) => About { text, looked, refused: None },
            Err(error) => About { text: None, looked, refused: Some(error) },
        }
    }

    fn text(&self, kind: Kind) -> io::Result<Option<String>> {
        Ok(match kind {
            Kind::Plain => None,
            Kind::Descriptor => self.int(0).map(descriptor::text),
            Kind::Connect => self.connect()?,
            Kind::Path(action, path, folder) => self.path(action, path, folder)?,
            Kind::Child => self.int(0).map(children),
            Kind::WaitId => self.wait_id(),
            // The last one, because the thread starts no other child while it waits. Another sort
            // of `clone` returns at once, so that a look hardly finds a thread in it.
            Kind::Vfork => children_of(self.id).last().map(|pid| child(*pid)),
            Kind::Futex => Some(self.futex()),
            Kind::Sleep(time, flags) => self.sleep(time, flags)?,
            Kind::Poll(limit) => self.poll(limit)?,
            Kind::Select(limit) => self.select(limit)?,
            Kind::Epoll => {
                let limit = self.time_out(TimeOut::Millis(3))?;
                self.int(0).map(|fd| format!("{}, {limit}", descriptor::epoll(fd)))
            }
        })
    }

    fn word(&self, place: usize) -> u64 {
        self.words.get(place).copied().unwrap_or(0)
    }

    /// A descriptor, a pid or a flag: the lower half of an argument. `None` if there is no such
    /// argument.
    #[expect(clippy::cast_possible_truncation, reason = "the upper half of such an argument has no meaning")]
    fn int(&self, place: usize) -> Option<i32> {
        self.words.get(place).map(|word| *word as i32)
    }

    fn connect(&self) -> io::Result<Option<String>> {
        let Some(fd) = self.int(0) else { return Ok(None) };
        let mut bytes = [0; LONGEST_ADDRESS];
        // The program says the length, so it may be anything.
        let length = usize::try_from(self.word(2)).unwrap_or(0).min(LONGEST_ADDRESS);
        let length = own_memory::copy(self.word(1), bytes.get_mut(..length).unwrap_or_default())?;
        let address = descriptor::address_in(bytes.get(..length).unwrap_or_default());
        let to = address.map(|address| format!(" to {address}")).unwrap_or_default();
        Ok(Some(format!("{}{to}", descriptor::text(fd))))
    }

    /// `open "/x"`; `open "x" in fd 5 /tmp` if the path is relative to a descriptor.
    fn path(&self, action: &str, path: usize, folder: Option<usize>) -> io::Result<Option<String>> {
        let mut bytes = [0; SHOWN_OF_PATH];
        let length = own_memory::copy(self.word(path), &mut bytes)?;
        let bytes = bytes.get(..length).unwrap_or_default();
        let text = match CStr::from_bytes_until_nul(bytes) {
            Ok(path) => format!("{:?}", path.to_string_lossy()),
            // The path is longer than the part that is shown, or goes to the end of the memory.
            Err(_) if !bytes.is_empty() => format!("{:?}..", String::from_utf8_lossy(bytes)),
            Err(_) => return Ok(None),
        };
        let folder = folder.and_then(|place| self.int(place)).filter(|fd| *fd != libc::AT_FDCWD);
        // The kernel ignores the folder of an absolute path.
        let folder = folder.filter(|_| bytes.first() != Some(&b'/'));
        let place = folder.map(|fd| format!(" in {}", descriptor::text(fd))).unwrap_or_default();
        Ok(Some(format!("{action} {text}{place}")))
    }

    fn wait_id(&self) -> Option<String> {
        let id = self.int(1)?;
        #[expect(clippy::cast_sign_loss, reason = "the kinds of ids are small and positive")]
        match self.int(0)? as libc::idtype_t {
            libc::P_PID => Some(child(id)),
            libc::P_PIDFD => Some(descriptor::process(id).map_or_else(|| descriptor::text(id), child)),
            libc::P_PGID => Some(format!("a child in process group {id}")),
            libc::P_ALL => Some("any child".to_owned()),
            _ => None,
        }
    }

    /// `word 0x55d0 while it is 2, no time-out`.
    fn futex(&self) -> String {
        let operation = self.int(1).unwrap_or(0);
        let kind = if operation & libc::FUTEX_PRIVATE_FLAG == 0 { "shared word" } else { "word" };
        let at = self.word(0);
        // The kernel copies the time to its own memory before it waits, and the address stays.
        let limit = if self.word(3) == 0 { "no time-out" } else { "with a time-out" };
        match operation & libc::FUTEX_CMD_MASK {
            libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET => {
                let value = self.int(2).unwrap_or(0) as u32;
                format!("{kind} {at:#x} while it is {value}, {limit}")
            }
            libc::FUTEX_LOCK_PI | libc::FUTEX_LOCK_PI2 => {
                format!("lock of its priority at {kind} {at:#x}, {limit}")
            }
            _ => format!("{kind} {at:#x}"),
        }
    }

    fn sleep(&self, time: usize, flags: Option<usize>) -> io::Result<Option<String>> {
        let Some(time) = self.time(self.word(time))? else { return Ok(None) };
        let is_moment = flags.and_then(|place| self.int(place)).is_some_and(|f| f & libc::TIMER_ABSTIME != 0);
        if !is_moment {
            return Ok(Some(seconds(time)));
        }
        // A moment on the clock of argument 0. The text tells the time until then.
        let now = self.int(0).and_then(now);
        Ok(now.map(|now| format!("for {} more", seconds(time.saturating_sub(now)))))
    }

    fn poll(&self, limit: TimeOut) -> io::Result<Option<String>> {
        const SIZE: usize = size_of::<libc::pollfd>();
        // The text has the whole number, and names the first descriptors only.
        let count = usize::try_from(self.word(1)).unwrap_or(0);
        let mut bytes = [0; SIZE * POLLED];
        let length = count.min(POLLED) * SIZE;
        let length = own_memory::copy(self.word(0), bytes.get_mut(..length).unwrap_or_default())?;
        let entries = bytes.get(..length).unwrap_or_default().chunks_exact(SIZE);
        // A `pollfd` begins with its descriptor.
        let fds: Vec<i32> =
            entries.filter_map(|entry| entry.first_chunk().copied()).map(i32::from_ne_bytes).collect();
        Ok(Some(format!("{}, {}", descriptor::list(&fds, count), self.time_out(limit)?)))
    }

    fn select(&self, limit: TimeOut) -> io::Result<Option<String>> {
        let count = usize::try_from(self.word(0)).unwrap_or(0).min(SELECTED);
        // One union of the sets of reading, writing and errors: the text does not tell them apart.
        let mut all = [0_u8; SELECTED / 8];
        for place in 1..=3 {
            let mut set = [0; SELECTED / 8];
            let room = set.get_mut(..count.div_ceil(8)).unwrap_or_default();
            // A set that is left out is at address 0, where nothing is.
            own_memory::copy(self.word(place), room)?;
            all.iter_mut().zip(set).for_each(|(all, set)| *all |= set);
        }
        let is_set =
            |fd: &i32| usize::try_from(*fd).ok().and_then(|fd| Some(all.get(fd / 8)? >> (fd % 8) & 1 == 1));
        let fds: Vec<i32> =
            (0..i32::try_from(count).unwrap_or(0)).filter(|fd| is_set(fd) == Some(true)).collect();
        Ok(Some(format!("{}, {}", descriptor::list(&fds, fds.len()), self.time_out(limit)?)))
    }

    fn time_out(&self, kind: TimeOut) -> io::Result<String> {
        let time = match kind {
            // A negative number is no time-out.
            TimeOut::Millis(place) => {
                self.int(place).and_then(|millis| u64::try_from(millis).ok()).map(Duration::from_millis)
            }
            TimeOut::Timespec(place) if self.word(place) == 0 => None,
            TimeOut::Timespec(place) => self.time(self.word(place))?,
            #[cfg(target_arch = "x86_64")]
            TimeOut::Timeval(place) if self.word(place) == 0 => None,
            #[cfg(target_arch = "x86_64")]
            // A `timeval` has microseconds where a `timespec` has nanoseconds.
            TimeOut::Timeval(place) => self
                .time(self.word(place))?
                .map(|time| Duration::new(time.as_secs(), time.subsec_nanos() * 1000)),
        };
        Ok(time.map_or_else(|| "no time-out".to_owned(), |time| format!("time-out {}", seconds(time))))
    }

    /// The `timespec` at an address.
    fn time(&self, at: u64) -> io::Result<Option<Duration>> {
        const WORD: usize = size_of::<libc::c_long>();
        let mut bytes = [0; 2 * WORD];
        if own_memory::copy(at, &mut bytes)? < bytes.len() {
            return Ok(None);
        }
        let [seconds, nanos] = [0, WORD].map(|from| {
            let word = bytes.get(from..).and_then(|bytes| bytes.first_chunk::<WORD>());
            word.map_or(0, |word| libc::c_long::from_ne_bytes(*word))
        });
        // Anything else is no time: the program has changed the memory, or the call will fail.
        let nanos = u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000);
        Ok(u64::try_from(seconds).ok().zip(nanos).map(|(seconds, nanos)| Duration::new(seconds, nanos)))
    }
}

/// The time of a clock by which threads sleep. `None` for a clock that is seldom used.
fn now(clock: i32) -> Option<Duration> {
    match clock {
        libc::CLOCK_MONOTONIC => Some(Duration::from_nanos(clock::monotonic())),
        libc::CLOCK_REALTIME => SystemTime::now().duration_since(UNIX_EPOCH).ok(),
        _ => None,
    }
}

/// `3.5 s`.
fn seconds(time: Duration) -> String {
    match (time.as_secs(), time.subsec_millis()) {
        (seconds, 0) => format!("{seconds} s"),
        (seconds, millis) => format!("{seconds}.{} s", format!("{millis:03}").trim_end_matches('0')),
    }
}

/// The children that `wait4(2)` waits for.
fn children(pid: i32) -> String {
    match pid {
        1.. => child(pid),
        -1 => "any child".to_owned(),
        0 => "a child in its process group".to_owned(),
        i32::MIN..=-2 => format!("a child in process group {}", pid.unsigned_abs()),
    }
}

/// `child 4711 "sleep" [sleeps in hrtimer_nanosleep]`; without what cannot be read.
fn child(pid: i32) -> String {
    let name = bytes_of(&format!("/proc/{pid}/comm")).ok();
    let name = name.map(|name| format!(" {:?}", String::from_utf8_lossy(&name).trim_end()));
    let state = state_of_child(pid).map(|state| format!(" [{state}]"));
    format!("child {pid}{}{}", name.unwrap_or_default(), state.unwrap_or_default())
}

/// What the first thread of a child does, and in which function of the kernel: the reason for which
/// the child does not end is on that side.
fn state_of_child(pid: i32) -> Option<String> {
    let stat = bytes_of(&format!("/proc/{pid}/stat")).ok()?;
    let state = match split_stat(&stat)?.1 {
        b'R' => return Some("runs".to_owned()),
        b'Z' | b'X' => return Some("has ended".to_owned()),
        b'T' | b't' => return Some("is suspended".to_owned()),
        b'S' => "sleeps",
        b'D' => "sleeps, and no signal wakes it,",
        _ => return None,
    };
    let channel = bytes_of(&format!("/proc/{pid}/wchan")).ok();
    let channel = channel.map(|channel| String::from_utf8_lossy(&channel).trim_end().to_owned());
    let channel = channel.filter(|channel| !channel.is_empty() && channel != "0");
    Some(channel.map_or_else(|| state.to_owned(), |channel| format!("{state} in {channel}")))
}

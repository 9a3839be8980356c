//! Owns the attributes that an OS thread hands on to the threads that it starts: signal mask,
//! scheduling, processors, timer slack, the kernel's name of the thread, and the rounding of
//! numbers. A new thread takes those of its root (`begin`). After a closure only the mask, the
//! rounding and the name are set again, and the scheduling is compared (`take_back`).
//! Refuses to know what the thread is for.
#![allow(unsafe_code)]

use std::cmp::Ordering;
use std::io;
use std::num::NonZeroU64;

use rustix::thread::{
    CpuSet, current_timer_slack, sched_getaffinity, sched_setaffinity, set_current_timer_slack,
};

use super::mask::Mask;

/// The attributes of a thread at one moment. `None` stands for a value that the kernel does not
/// report.
#[derive(Clone, Copy)]
pub(crate) struct Attributes {
    mask: Mask,
    scheduling: Option<Scheduling>,
    processors: Option<CpuSet>,
    /// The nanoseconds by which a wake-up may be late.
    slack: Option<u64>,
    rounding: Rounding,
}

/// Policy, nice value and real-time priority, as `sched_setattr(2)` takes them.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Scheduling {
    policy: u32,
    nice: i32,
    priority: u32,
}

/// What the system has refused to a thread that began with some attributes.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    pub(crate) scheduling: Option<io::Error>,
    pub(crate) processors: Option<io::Error>,
}

/// The kernel's name of a thread, 15 bytes and a zero, as two words.
type KernelName = [u64; 2];

impl Attributes {
    /// Reads the attributes of the calling thread, for the threads of a root that this thread
    /// begins.
    pub(crate) fn here() -> Attributes {
        Attributes {
            mask: Mask::of_root(),
            scheduling: Scheduling::here(),
            processors: sched_getaffinity(None).ok(),
            slack: current_timer_slack().ok(),
            rounding: Rounding::here(),
        }
    }

    /// Returns these attributes with less claim to a processor.
    pub(crate) fn less_urgent(self) -> Attributes {
        Attributes { scheduling: self.scheduling.map(Scheduling::less_urgent), ..self }
    }

    /// Returns these attributes with more claim to a processor. The system may refuse them.
    pub(crate) fn more_urgent(self) -> Attributes {
        Attributes { scheduling: self.scheduling.map(Scheduling::more_urgent), ..self }
    }

    /// Returns these attributes with other processors. The system refuses them if the process may
    /// run on none of these.
    pub(crate) fn on(self, processors: &[usize]) -> Attributes {
        let mut set = CpuSet::new();
        // A larger number is no processor that the kernel could have.
        processors.iter().filter(|number| **number < CpuSet::MAX_CPU).for_each(|number| set.set(*number));
        Attributes { processors: Some(set), ..self }
    }

    /// Returns the number of these processors.
    pub(crate) fn width(&self) -> usize {
        let count = self.processors.map_or(u32::MAX, |processors| processors.count());
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    /// Gives these attributes to the calling thread, which has inherited those of the thread that
    /// started it. Where the system refuses one, the thread tries to take that of `root`: a nice
    /// value, for example, cannot be taken back without privileges.
    pub(crate) fn begin(&self, root: &Attributes) -> Refused {
        if current_timer_slack().ok() != self.slack {
            let _takes_any = set_current_timer_slack(self.slack.and_then(NonZeroU64::new));
        }
        let or_root = |tried: io::Result<()>, otherwise: &dyn Fn() -> io::Result<()>| {
            tried.inspect_err(|_| drop(otherwise())).err()
        };
        let refused = Refused {
            scheduling: or_root(self.schedule(), &|| root.schedule()),
            processors: or_root(self.place(), &|| root.place()),
        };
        self.put_back();
        refused
    }

    /// Undoes what a closure has changed in the calling thread, as far as a look costs little
    /// beside the start of a thread. False if the thread must not be used again, because its
    /// scheduling was changed.
    pub(crate) fn take_back(&self) -> bool {
        self.put_back();
        // Only compared, because the system may refuse to set it back.
        self.scheduling == Scheduling::here()
    }

    /// Compares the calling thread's claim to a processor with that of these attributes.
    pub(crate) fn urgency_here(&self) -> Ordering {
        match (Scheduling::here(), self.scheduling) {
            (Some(here), Some(own)) => here.urgency().cmp(&own.urgency()),
            _ => Ordering::Equal,
        }
    }

    fn schedule(&self) -> io::Result<()> {
        let Some(own) = self.scheduling else { return Ok(()) };
        if Scheduling::here() == Some(own) { Ok(()) } else { own.set() }
    }

    fn place(&self) -> io::Result<()> {
        let Some(own) = self.processors else { return Ok(()) };
        if sched_getaffinity(None).is_ok_and(|here| here == own) {
            return Ok(());
        }
        Ok(sched_setaffinity(None, &own)?)
    }

    fn put_back(&self) {
        self.mask.set();
        self.rounding.set();
    }
}

/// The steps of the nice value between two priorities.
const STEP: i32 = 10;

// The policies, as `sched_attr` has them.
const OTHER: u32 = libc::SCHED_OTHER as u32;
const BATCH: u32 = libc::SCHED_BATCH as u32;
const IDLE: u32 = libc::SCHED_IDLE as u32;

/// The same as [`Attributes::here`].
impl Default for Attributes {
    fn default() -> Attributes {
        Attributes::here()
    }
}

impl std::fmt::Debug for Attributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attributes").finish_non_exhaustive()
    }
}

impl Scheduling {
    fn here() -> Option<Scheduling> {
        let mut told = attributes();
        let size = size_of::<libc::sched_attr>();
        // SAFETY: the kernel writes at most `size` bytes, which is the size of `told`. The id 0
        // stands for the calling thread.
        let refused = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut told, size, 0) };
        let libc::sched_attr { sched_policy: policy, sched_nice: nice, sched_priority: priority, .. } = told;
        (refused == 0).then_some(Scheduling { policy, nice, priority })
    }

    /// A larger nice value, and the policy for work that nobody waits for. A thread can return from
    /// `SCHED_BATCH`, but not from `SCHED_IDLE`, without privileges.
    fn less_urgent(self) -> Scheduling {
        let policy = if self.policy == IDLE { IDLE } else { BATCH };
        Scheduling { policy, nice: (self.nice + STEP).min(19), priority: 0 }
    }

    fn more_urgent(self) -> Scheduling {
        Scheduling { nice: (self.nice - STEP).max(-20), ..self }
    }

    /// Larger for a thread that gets a processor sooner.
    fn urgency(self) -> (u32, u32, i32) {
        let rank = match self.policy {
            IDLE => 0,
            BATCH => 1,
            OTHER => 2,
            _real_time => 3,
        };
        (rank, self.priority, -self.nice)
    }

    fn set(self) -> io::Result<()> {
        let mut asked = attributes();
        (asked.sched_policy, asked.sched_nice, asked.sched_priority) =
            (self.policy, self.nice, self.priority);
        // SAFETY: `asked` is valid for reading, and says its own size. The id 0 stands for the
        // calling thread.
        let refused = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const asked, 0) };
        if refused == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

/// Returns an empty `sched_attr` that says its own size.
fn attributes() -> libc::sched_attr {
    // SAFETY: all-zero bytes are a valid `sched_attr`.
    let mut empty: libc::sched_attr = unsafe { std::mem::zeroed() };
    empty.size = u32::try_from(size_of::<libc::sched_attr>()).unwrap_or(0);
    empty
}

/// Returns the numbers of the processors that the calling thread may run on.
pub(crate) fn processors_here() -> Vec<usize> {
    let Ok(here) = sched_getaffinity(None) else { return Vec::new() };
    (0..CpuSet::MAX_CPU).filter(|number| here.is_set(*number)).collect()
}

/// Returns the kernel's name of the calling thread.
pub(crate) fn kernel_name() -> KernelName {
    let mut name = [0; 2];
    // SAFETY: the kernel writes 16 bytes, the last of them a zero, and `name` has 16 bytes.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    name
}

/// Sets the kernel's name of the calling thread.
pub(crate) fn set_kernel_name(name: &KernelName) {
    // SAFETY: the kernel reads 16 bytes at most, and `name` has 16 bytes.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// The setting of the processor for numbers that do not fit: rounding, tiny numbers, traps. On
/// x86-64: the upper half holds the x87 control word, the lower half MXCSR.
#[derive(Clone, Copy)]
struct Rounding(u64);

#[cfg(target_arch = "x86_64")]
impl Rounding {
    /// The flags of MXCSR that record what has happened, and are no setting.
    const FLAGS: u32 = 0x3f;

    fn here() -> Rounding {
        use std::arch::asm;
        let (mut vector, mut classic) = (0_u32, 0_u16);
        // SAFETY: `stmxcsr` writes four bytes into `vector`, and `fnstcw` two bytes into `classic`.
        // Each place has that size.
        unsafe {
            asm!("stmxcsr [{}]", "fnstcw [{}]", in(reg) &raw mut vector, in(reg) &raw mut classic, options(nostack))
        };
        Rounding(u64::from(classic) << 32 | u64::from(vector & !Self::FLAGS))
    }

    fn set(self) {
        use std::arch::asm;
        if Self::here().0 == self.0 {
            return;
        }
        let vector = u32::try_from(self.0 & u64::from(u32::MAX)).unwrap_or(0);
        let classic = u16::try_from(self.0 >> 32).unwrap_or(0);
        // SAFETY: both values were read from the registers of a thread by `here`, so no reserved
        // bit is set.
        unsafe {
            asm!("ldmxcsr [{}]", "fldcw [{}]", in(reg) &raw const vector, in(reg) &raw const classic, options(nostack))
        };
    }
}

#[cfg(target_arch = "aarch64")]
impl Rounding {
    fn here() -> Rounding {
        let control: u64;
        // SAFETY: the instruction only reads the register.
        unsafe { std::arch::asm!("mrs {}, fpcr", out(reg) control, options(nomem, nostack)) };
        Rounding(control)
    }

    fn set(self) {
        if Self::here().0 != self.0 {
            // SAFETY: the value was read from the register of a thread by `here`.
            unsafe { std::arch::asm!("msr fpcr, {}", in(reg) self.0, options(nomem, nostack)) };
        }
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
impl Rounding {
    fn here() -> Rounding {
        Rounding(0)
    }

    fn set(self) {}
}

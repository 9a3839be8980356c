//! Owns the attributes that an OS thread hands on to the threads that it starts, and that a job may
//! leave changed in the thread that ran it: signal mask, scheduling, processors, timer slack, the
//! kernel's name of the thread, and the rounding of numbers.
//! Refuses to know what the thread is for.
#![allow(unsafe_code)]

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

    /// Gives these attributes to the calling thread, which has inherited those of its spawner.
    /// False if the system refuses some: a nice value, for example, cannot be taken back without
    /// privileges.
    pub(crate) fn begin(&self) -> bool {
        if current_timer_slack().ok() != self.slack {
            let _takes_any = set_current_timer_slack(self.slack.and_then(NonZeroU64::new));
        }
        let scheduled = self.scheduling.is_none_or(|own| Scheduling::here() == Some(own) || own.set());
        let placed = self.processors.is_none_or(|own| {
            sched_getaffinity(None).is_ok_and(|here| here == own) || sched_setaffinity(None, &own).is_ok()
        });
        self.put_back();
        scheduled && placed
    }

    /// Undoes what a job has changed in the calling thread, as far as a look costs little beside a
    /// job. False if the thread must not be used again, because the job has changed its scheduling.
    pub(crate) fn take_back(&self) -> bool {
        self.put_back();
        // Only compared, because the system may refuse to set it back.
        self.scheduling == Scheduling::here()
    }

    fn put_back(&self) {
        self.mask.set();
        self.rounding.set();
    }
}

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

    fn set(self) -> bool {
        let mut asked = attributes();
        (asked.sched_policy, asked.sched_nice, asked.sched_priority) =
            (self.policy, self.nice, self.priority);
        // SAFETY: `asked` is valid for reading, and says its own size. The id 0 stands for the
        // calling thread.
        unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const asked, 0) == 0 }
    }
}

/// Returns an empty `sched_attr` that says its own size.
fn attributes() -> libc::sched_attr {
    // SAFETY: all-zero bytes are a valid `sched_attr`.
    let mut empty: libc::sched_attr = unsafe { std::mem::zeroed() };
    empty.size = u32::try_from(size_of::<libc::sched_attr>()).unwrap_or(0);
    empty
}

/// Returns the number of processors that the calling thread may run on. `available_parallelism`
/// would read the limits of the control group as well, at 14 KiB of code.
pub(crate) fn cores() -> usize {
    let count = sched_getaffinity(None).map_or(1, |processors| processors.count());
    usize::try_from(count).unwrap_or(1)
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

//! Owns what an OS thread hands on to the threads that it starts, and what a job may leave behind in the thread that ran it:
//! signal mask, scheduling, processors, timer slack, the kernel's name of the thread, the rounding of numbers.
//! Refuses to know whose thread it is.
#![allow(unsafe_code)]

use std::num::NonZeroU64;

use rustix::thread::{
    CpuSet, current_timer_slack, sched_getaffinity, sched_setaffinity, set_current_timer_slack,
};

use super::mask::Mask;

/// As a thread was at one moment. A value that the kernel does not tell is not compared.
#[derive(Clone, Copy)]
pub(crate) struct Attributes {
    mask: Mask,
    scheduling: Option<Scheduling>,
    processors: Option<CpuSet>,
    /// By how many nanoseconds a wake-up may be late.
    slack: Option<u64>,
    rounding: Rounding,
}

/// Policy, nice value and real-time priority.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Scheduling {
    policy: u32,
    nice: i32,
    priority: u32,
}

/// The kernel's name of a thread, 15 bytes and a zero, as two words.
type KernelName = [u64; 2];

impl Attributes {
    /// Those of the calling thread, for threads of a root that it begins.
    pub(crate) fn here() -> Attributes {
        Attributes {
            mask: Mask::of_root(),
            scheduling: Scheduling::here(),
            processors: sched_getaffinity(None).ok(),
            slack: current_timer_slack().ok(),
            rounding: Rounding::here(),
        }
    }

    /// Gives them to the calling thread, which has what its spawner had; false if the system refuses some: a nice value cannot be
    /// taken back without privileges.
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

    /// After a job: takes back what it has made of the calling thread, as far as a look costs little beside a job. False if the
    /// thread is not to be used again, since the job has given it another scheduling.
    pub(crate) fn take_back(&self) -> bool {
        self.put_back();
        self.scheduling == Scheduling::here()
    }

    fn put_back(&self) {
        self.mask.set();
        self.rounding.set();
    }
}

/// [`Attributes::here`].
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
        // SAFETY: the kernel writes at most `size` bytes, which are all of `told`; 0 is the calling thread.
        let refused = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut told, size, 0) };
        let libc::sched_attr { sched_policy: policy, sched_nice: nice, sched_priority: priority, .. } = told;
        (refused == 0).then_some(Scheduling { policy, nice, priority })
    }

    fn set(self) -> bool {
        let mut asked = attributes();
        (asked.sched_policy, asked.sched_nice, asked.sched_priority) =
            (self.policy, self.nice, self.priority);
        // SAFETY: `asked` is valid, and says how long it is; 0 is the calling thread.
        unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const asked, 0) == 0 }
    }
}

fn attributes() -> libc::sched_attr {
    // SAFETY: all-zero is a valid `sched_attr`.
    let mut empty: libc::sched_attr = unsafe { std::mem::zeroed() };
    empty.size = u32::try_from(size_of::<libc::sched_attr>()).unwrap_or(0);
    empty
}

/// How many processors the calling thread may run on. `available_parallelism` would read the limits of its control group as well, at
/// 14 KiB of code.
pub(crate) fn cores() -> usize {
    let count = sched_getaffinity(None).map_or(1, |processors| processors.count());
    usize::try_from(count).unwrap_or(1)
}

/// The kernel's name of the calling thread.
pub(crate) fn kernel_name() -> KernelName {
    let mut name = [0; 2];
    // SAFETY: the kernel writes 16 bytes, the last of them a zero.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    name
}

pub(crate) fn set_kernel_name(name: &KernelName) {
    // SAFETY: it holds 16 bytes.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// What the processor does with numbers that do not fit: rounding, tiny ones, traps.
#[derive(Clone, Copy)]
struct Rounding(u64);

#[cfg(target_arch = "x86_64")]
impl Rounding {
    /// The flags that tell what has happened are no setting.
    const FLAGS: u32 = 0x3f;

    fn here() -> Rounding {
        use std::arch::asm;
        let (mut vector, mut classic) = (0_u32, 0_u16);
        // SAFETY: each writes its register into a place of that size.
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
        // SAFETY: both are as the registers of a thread were: no reserved bit is set.
        unsafe {
            asm!("ldmxcsr [{}]", "fldcw [{}]", in(reg) &raw const vector, in(reg) &raw const classic, options(nostack))
        };
    }
}

#[cfg(target_arch = "aarch64")]
impl Rounding {
    fn here() -> Rounding {
        let control: u64;
        // SAFETY: it only reads the register.
        unsafe { std::arch::asm!("mrs {}, fpcr", out(reg) control, options(nomem, nostack)) };
        Rounding(control)
    }

    fn set(self) {
        if Self::here().0 != self.0 {
            // SAFETY: it is as the register of a thread was.
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

//! Owns rights that a process gives up: system calls that are refused, or that hang.
//! Refuses to give them back: it is for re-executed children.

use std::os::fd::{FromRawFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};

/// Lets the kernel refuse a system call from now on, to all threads of the process.
#[allow(unsafe_code)]
pub fn refuse_call(call: libc::c_long) {
    let [load, is, give] = [
        libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
        libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
        libc::BPF_RET | libc::BPF_K,
    ];
    let step = |code: u32, jt, jf, k| libc::sock_filter { code: u16::try_from(code).unwrap(), jt, jf, k };
    let mut steps = [
        // The number of the call is the first word of what a filter sees.
        step(load, 0, 0, 0),
        step(is, 0, 1, u32::try_from(call).unwrap()),
        step(give, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned()),
        step(give, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog { len: 4, filter: steps.as_mut_ptr() };
    // SAFETY: it only takes rights away.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
    let flags = libc::SECCOMP_FILTER_FLAG_TSYNC;
    // SAFETY: the filter is there until the call returns.
    let set =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const filter) };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}

/// Lets each call of `unlink` and `unlinkat` hang from now on, by all threads of the process, as on
/// a file system that does not answer. They go on, with `ENOSYS`, when the value drops.
pub fn hold_removals() -> HeldCalls {
    let calls = [
        #[cfg(target_arch = "x86_64")]
        libc::SYS_unlink,
        libc::SYS_unlinkat,
    ];
    HeldCalls(hold_calls(&calls))
}

/// The same for each look-up of where a link leads to, as of `/proc/self/exe`.
pub fn hold_lookups() -> HeldCalls {
    let calls = [
        #[cfg(target_arch = "x86_64")]
        libc::SYS_readlink,
        libc::SYS_readlinkat,
    ];
    HeldCalls(hold_calls(&calls))
}

/// Calls that hang until this drops.
pub struct HeldCalls(OwnedFd);

impl HeldCalls {
    /// Waits until a call hangs.
    pub fn wait(&self) {
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        assert_eq!(poll(&mut fds, None), Ok(1), "a call hangs");
    }
}

/// The kernel hands the calls to the holder of a descriptor, which leaves them unanswered.
#[allow(unsafe_code)]
fn hold_calls(calls: &[libc::c_long]) -> OwnedFd {
    let [load, is, give] = [
        libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
        libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
        libc::BPF_RET | libc::BPF_K,
    ];
    let step = |code: u32, jt, jf, k| libc::sock_filter { code: u16::try_from(code).unwrap(), jt, jf, k };
    let mut steps = vec![step(load, 0, 0, 0)];
    for call in calls {
        steps.push(step(is, 0, 1, u32::try_from(*call).unwrap()));
        steps.push(step(give, 0, 0, libc::SECCOMP_RET_USER_NOTIF));
    }
    steps.push(step(give, 0, 0, libc::SECCOMP_RET_ALLOW));
    let filter = libc::sock_fprog { len: u16::try_from(steps.len()).unwrap(), filter: steps.as_mut_ptr() };
    // SAFETY: it only takes rights away.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
    let flags = libc::SECCOMP_FILTER_FLAG_TSYNC
        | libc::SECCOMP_FILTER_FLAG_NEW_LISTENER
        | libc::SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
    // SAFETY: the filter is there until the call returns.
    let fd =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const filter) };
    assert!(fd > 0, "{}", std::io::Error::last_os_error());
    // SAFETY: the kernel has just made it, for this caller.
    unsafe { OwnedFd::from_raw_fd(i32::try_from(fd).unwrap()) }
}

//! Owns rights that a process gives up: system calls.
//! Refuses to give them back: it is for re-executed children.

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

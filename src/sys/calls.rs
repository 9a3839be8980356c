//! Owns the names of the system calls in which threads are found stuck, and the meaning of their
//! arguments.
//! Refuses to decode an argument: `arguments` does.

/// The meaning of the arguments of a call. A number is the place of an argument, from 0.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// The arguments are not shown.
    Plain,
    /// The first argument is a descriptor.
    Descriptor,
    /// A descriptor, and the address of a socket at 1, with its length at 2 (`connect(2)`).
    Connect,
    /// An action, a path, and the descriptor of the folder in which a relative path begins.
    Path(&'static str, usize, Option<usize>),
    /// The first argument is the pid of a child.
    Child,
    /// The first argument is a kind of id, and the second is the id (`waitid(2)`).
    WaitId,
    /// The caller waits until a child that borrows its memory has begun a program, or has ended
    /// (`vfork(2)`).
    Vfork,
    /// A word of memory, an operation, a value, a time-out (`futex(2)`).
    Futex,
    /// The place of a time to sleep, and of flags if there are any.
    Sleep(usize, Option<usize>),
    /// An array of descriptors, their number, a time-out.
    Poll(TimeOut),
    /// The number of descriptors, three sets of them, a time-out.
    Select(TimeOut),
    /// An epoll instance at 0, and a time-out in milliseconds at 3.
    Epoll,
}

/// How a call tells its time-out.
#[derive(Clone, Copy)]
pub(super) enum TimeOut {
    /// In milliseconds, at this place; less than 0 for none.
    Millis(usize),
    /// As a `timespec` that the argument at this place points to; 0 for none.
    Timespec(usize),
    /// As a `timeval`.
    #[cfg(target_arch = "x86_64")]
    Timeval(usize),
}

/// Returns the name and the meaning of a call. `None`: it is shown by its number.
pub(super) fn known(number: i64) -> Option<(&'static str, Kind)> {
    // From the first on: a look is rare, and reads files, which takes far longer.
    CALLS.iter().find(|(known, ..)| *known == number).map(|(_, name, kind)| (*name, *kind))
}

/// A call with a path, and with the descriptor of a folder before it.
const fn at(action: &'static str) -> Kind {
    Kind::Path(action, 1, Some(0))
}

/// A call whose first argument is a path.
const fn path(action: &'static str) -> Kind {
    Kind::Path(action, 0, None)
}

/// A call of libc's has the number of the machine for which this is compiled.
const CALLS: &[(i64, &str, Kind)] = &[
    (libc::SYS_read, "read", Kind::Descriptor),
    (libc::SYS_write, "write", Kind::Descriptor),
    (libc::SYS_readv, "readv", Kind::Descriptor),
    (libc::SYS_writev, "writev", Kind::Descriptor),
    (libc::SYS_pread64, "pread64", Kind::Descriptor),
    (libc::SYS_pwrite64, "pwrite64", Kind::Descriptor),
    (libc::SYS_preadv, "preadv", Kind::Descriptor),
    (libc::SYS_pwritev, "pwritev", Kind::Descriptor),
    (libc::SYS_preadv2, "preadv2", Kind::Descriptor),
    (libc::SYS_pwritev2, "pwritev2", Kind::Descriptor),
    (libc::SYS_close, "close", Kind::Descriptor),
    (libc::SYS_lseek, "lseek", Kind::Descriptor),
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    (libc::SYS_fstat, "fstat", Kind::Descriptor),
    (libc::SYS_ioctl, "ioctl", Kind::Descriptor),
    (libc::SYS_fcntl, "fcntl", Kind::Descriptor),
    (libc::SYS_flock, "flock", Kind::Descriptor),
    (libc::SYS_fsync, "fsync", Kind::Descriptor),
    (libc::SYS_fdatasync, "fdatasync", Kind::Descriptor),
    (libc::SYS_syncfs, "syncfs", Kind::Descriptor),
    (libc::SYS_ftruncate, "ftruncate", Kind::Descriptor),
    (libc::SYS_fallocate, "fallocate", Kind::Descriptor),
    (libc::SYS_getdents64, "getdents64", Kind::Descriptor),
    (libc::SYS_sendfile, "sendfile", Kind::Descriptor),
    (libc::SYS_splice, "splice", Kind::Descriptor),
    (libc::SYS_copy_file_range, "copy_file_range", Kind::Descriptor),
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    (libc::SYS_accept, "accept", Kind::Descriptor),
    (libc::SYS_accept4, "accept4", Kind::Descriptor),
    (libc::SYS_connect, "connect", Kind::Connect),
    (libc::SYS_shutdown, "shutdown", Kind::Descriptor),
    (libc::SYS_recvfrom, "recvfrom", Kind::Descriptor),
    (libc::SYS_recvmsg, "recvmsg", Kind::Descriptor),
    (libc::SYS_recvmmsg, "recvmmsg", Kind::Descriptor),
    (libc::SYS_sendto, "sendto", Kind::Descriptor),
    (libc::SYS_sendmsg, "sendmsg", Kind::Descriptor),
    (libc::SYS_sendmmsg, "sendmmsg", Kind::Descriptor),
    (libc::SYS_mq_timedreceive, "mq_timedreceive", Kind::Descriptor),
    (libc::SYS_mq_timedsend, "mq_timedsend", Kind::Descriptor),
    (libc::SYS_io_uring_enter, "io_uring_enter", Kind::Descriptor),
    (libc::SYS_epoll_pwait, "epoll_pwait", Kind::Epoll),
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    (libc::SYS_epoll_pwait2, "epoll_pwait2", Kind::Descriptor),
    (libc::SYS_ppoll, "ppoll", Kind::Poll(TimeOut::Timespec(2))),
    (libc::SYS_pselect6, "pselect6", Kind::Select(TimeOut::Timespec(4))),
    (libc::SYS_openat, "openat", at("open")),
    (libc::SYS_openat2, "openat2", at("open")),
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    (libc::SYS_newfstatat, "newfstatat", at("stat")),
    (libc::SYS_statx, "statx", at("stat")),
    (libc::SYS_faccessat, "faccessat", at("access")),
    (libc::SYS_faccessat2, "faccessat2", at("access")),
    (libc::SYS_readlinkat, "readlinkat", at("readlink")),
    (libc::SYS_unlinkat, "unlinkat", at("unlink")),
    (libc::SYS_mkdirat, "mkdirat", at("mkdir")),
    (libc::SYS_mknodat, "mknodat", at("mknod")),
    (libc::SYS_renameat2, "renameat2", at("rename")),
    (libc::SYS_linkat, "linkat", at("link")),
    (libc::SYS_fchmodat, "fchmodat", at("chmod")),
    (libc::SYS_fchownat, "fchownat", at("chown")),
    (libc::SYS_utimensat, "utimensat", at("utimens")),
    (libc::SYS_execve, "execve", path("exec")),
    (libc::SYS_truncate, "truncate", path("truncate")),
    (libc::SYS_statfs, "statfs", path("statfs")),
    (libc::SYS_chdir, "chdir", path("chdir")),
    (libc::SYS_umount2, "umount2", path("umount")),
    (libc::SYS_mount, "mount", Kind::Path("mount", 1, None)),
    (libc::SYS_wait4, "wait4", Kind::Child),
    (libc::SYS_waitid, "waitid", Kind::WaitId),
    // Of these calls only the ones with `CLONE_VFORK` wait: `posix_spawn` makes them.
    (libc::SYS_clone, "clone", Kind::Vfork),
    (libc::SYS_clone3, "clone3", Kind::Vfork),
    (libc::SYS_futex, "futex", Kind::Futex),
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    (libc::SYS_futex_waitv, "futex_waitv", Kind::Plain),
    (libc::SYS_nanosleep, "nanosleep", Kind::Sleep(0, None)),
    (libc::SYS_clock_nanosleep, "clock_nanosleep", Kind::Sleep(2, Some(1))),
    // A sleep or poll goes on by this call after a suspension. The kernel keeps its arguments.
    (libc::SYS_restart_syscall, "restart_syscall", Kind::Plain),
    (libc::SYS_rt_sigsuspend, "rt_sigsuspend", Kind::Plain),
    (libc::SYS_rt_sigtimedwait, "rt_sigtimedwait", Kind::Plain),
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    (libc::SYS_mmap, "mmap", Kind::Plain),
    (libc::SYS_munmap, "munmap", Kind::Plain),
    (libc::SYS_mprotect, "mprotect", Kind::Plain),
    (libc::SYS_madvise, "madvise", Kind::Plain),
    (libc::SYS_msync, "msync", Kind::Plain),
    (libc::SYS_brk, "brk", Kind::Plain),
    (libc::SYS_sync, "sync", Kind::Plain),
    (libc::SYS_membarrier, "membarrier", Kind::Plain),
    (libc::SYS_getrandom, "getrandom", Kind::Plain),
    (libc::SYS_sched_yield, "sched_yield", Kind::Plain),
    (libc::SYS_exit, "exit", Kind::Plain),
    (libc::SYS_exit_group, "exit_group", Kind::Plain),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_vfork, "vfork", Kind::Vfork),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_fork, "fork", Kind::Plain),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_open, "open", path("open")),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_stat, "stat", path("stat")),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_lstat, "lstat", path("stat")),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_access, "access", path("access")),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_readlink, "readlink", path("readlink")),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_unlink, "unlink", path("unlink")),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_rmdir, "rmdir", path("rmdir")),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_mkdir, "mkdir", path("mkdir")),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_rename, "rename", path("rename")),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_poll, "poll", Kind::Poll(TimeOut::Millis(2))),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_select, "select", Kind::Select(TimeOut::Timeval(4))),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_pause, "pause", Kind::Plain),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_epoll_wait, "epoll_wait", Kind::Epoll),
];

//! Owns the system calls with which the tests put threads to sleep in every way there is.
//! Refuses to start threads and to judge.
#![allow(unsafe_code, reason = "raw calls: what std offers hides EINTR, or starts anew")]

#[cfg(target_arch = "x86_64")]
pub(crate) mod frames;
#[cfg(target_arch = "x86_64")]
pub(crate) mod library;

use std::sync::atomic::AtomicU32;

/// `poll` without descriptors and without end. Returns at a signal alone: the error's number.
pub(crate) fn poll_for_ever() -> i32 {
    // SAFETY: no descriptors are given.
    unsafe { libc::poll(std::ptr::null_mut(), 0, -1) };
    errno()
}

/// Returns at a signal alone.
pub(crate) fn pause() -> i32 {
    // SAFETY: it has no precondition.
    unsafe { libc::pause() };
    errno()
}

/// Sleeps for a day, and returns the error number when a signal has ended the sleep.
pub(crate) fn nanosleep() -> i32 {
    // Longer than any soak, in which the end of a sleep would count as an interruption.
    let time = libc::timespec { tv_sec: 24 * 3600, tv_nsec: 0 };
    // SAFETY: `time` is read, and nothing is written.
    unsafe { libc::nanosleep(&raw const time, std::ptr::null_mut()) };
    errno()
}

/// Waits while `word` is zero.
pub(crate) fn futex(word: &AtomicU32) -> i32 {
    let wait = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    let no_limit = std::ptr::null::<libc::timespec>();
    // SAFETY: the kernel reads `word`, which is borrowed.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), wait, 0, no_limit) };
    errno()
}

/// Waits for an event of a set that is empty.
pub(crate) fn epoll() -> i32 {
    // SAFETY: it has no precondition.
    let set = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
    let mut event = libc::epoll_event { events: 0, u64: 0 };
    // SAFETY: there is room for one event.
    unsafe { libc::epoll_wait(set, &raw mut event, 1, -1) };
    errno()
}

/// Sleeps for a while.
pub(crate) fn nanosleep_for(time: std::time::Duration) -> i32 {
    let time = libc::timespec { tv_sec: 0, tv_nsec: time.subsec_nanos().into() };
    // SAFETY: `time` is read, and nothing is written.
    unsafe { libc::nanosleep(&raw const time, std::ptr::null_mut()) }
}

/// Waits for no descriptor for a while.
pub(crate) fn poll_for(time: std::time::Duration) -> i32 {
    let time = libc::timespec { tv_sec: 0, tv_nsec: time.subsec_nanos().into() };
    // SAFETY: no descriptors are given, `time` is read, and the mask stays as it is.
    unsafe { libc::ppoll(std::ptr::null_mut(), 0, &raw const time, std::ptr::null()) }
}

/// The end of a pipe that is read. The other stays open.
pub(crate) fn pipe_that_nobody_writes_to() -> std::fs::File {
    let mut ends = [0; 2];
    // SAFETY: there is room for two descriptors.
    unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) };
    // SAFETY: the descriptor is new, and no other value owns it.
    unsafe { std::os::fd::FromRawFd::from_raw_fd(ends[0]) }
}

/// Blocks all signals of the calling thread.
pub(crate) fn block_all_signals() {
    set_deaf(true);
}

/// Blocks the signals that are blocked in the handler.
pub(crate) fn block_all_signals_but_those_of_faults() {
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: there is room for one set, which `sigfillset` fills.
    unsafe { libc::sigfillset(set.as_mut_ptr()) };
    for fault in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS] {
        // SAFETY: the set was filled.
        unsafe { libc::sigdelset(set.as_mut_ptr(), fault) };
    }
    // SAFETY: as above.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut()) };
}

/// Blocks or unblocks all signals of the calling thread.
pub(crate) fn set_deaf(is_deaf: bool) {
    let how = if is_deaf { libc::SIG_BLOCK } else { libc::SIG_UNBLOCK };
    let mut all = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: there is room for one set.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: the set was filled.
    unsafe { libc::pthread_sigmask(how, all.as_ptr(), std::ptr::null_mut()) };
}

/// Sleeps uninterruptibly in `vfork`, until its child has found that `reader` is ready or closed,
/// and has exited.
pub(crate) fn vfork_until(reader: i32) {
    let mut ready = libc::pollfd { fd: reader, events: libc::POLLIN, revents: 0 };
    #[expect(deprecated, reason = "no other call sleeps uninterruptibly for as long as one likes")]
    // SAFETY: the child shares this frame. It writes to `ready` alone, and leaves by `_exit`.
    let child = unsafe { libc::vfork() };
    if child == 0 {
        // SAFETY: the child is killed when this thread ends, so that none outlives the test.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        // SAFETY: `ready` is one descriptor.
        unsafe { libc::poll(&raw mut ready, 1, -1) };
        // SAFETY: nothing of the parent's is unwound.
        unsafe { libc::_exit(0) };
    }
    // SAFETY: `child` is ours, and its status is not wanted.
    unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
}

/// As `vfork_until`, by `clone` and with a stack for the child: as the C library starts programs.
pub(crate) fn clone_until(reader: i32) {
    extern "C" fn child(reader: *mut libc::c_void) -> i32 {
        let mut ready = libc::pollfd { fd: reader as i32, events: libc::POLLIN, revents: 0 };
        // SAFETY: the child is killed when the thread ends that made it.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        // SAFETY: `ready` is one descriptor.
        unsafe { libc::poll(&raw mut ready, 1, -1) };
        0
    }
    let mut stack = vec![0_u128; 4096];
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    let top = stack.as_mut_ptr_range().end;
    // SAFETY: the stack lives until the child has ended, since this call returns only then.
    let child = unsafe { libc::clone(child, top.cast(), flags, reader as usize as *mut libc::c_void) };
    // SAFETY: `child` is ours, and its status is not wanted.
    unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
    drop(stack);
}

/// Reads one byte, and does not begin anew if a signal comes.
pub(crate) fn read_once(from: &mut std::fs::File) -> i32 {
    let mut byte = [0_u8; 1];
    // SAFETY: there is room for one byte.
    unsafe { libc::read(std::os::fd::AsRawFd::as_raw_fd(from), byte.as_mut_ptr().cast(), 1) };
    errno()
}

pub(crate) fn set_errno(number: i32) {
    // SAFETY: the function may be called from everywhere.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: each thread has a place for its error number, for as long as it lives.
    unsafe { *place = number };
}

pub(crate) fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Sorts two numbers by a function of C that calls back: a frame of C between two of Rust.
pub(crate) fn inside_qsort(compare: extern "C" fn(*const libc::c_void, *const libc::c_void) -> i32) {
    let mut two = [2_i32, 1];
    // SAFETY: two numbers of four bytes.
    unsafe { libc::qsort(two.as_mut_ptr().cast(), 2, 4, Some(compare)) };
}

/// Makes the process ignore a signal, as a program that uses it for something else would.
pub(crate) fn ignore(signal: i32) {
    // SAFETY: no handler is installed.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

/// Lets a debugger attach that is a child of this process.
pub(crate) fn allow_every_tracer() {
    // SAFETY: it sets a number of this process.
    unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY) };
}

thread_local!(static CALLS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) });

/// An allocator that counts the calls of each thread.
pub(crate) struct Counting(std::alloc::System);

impl Counting {
    pub(crate) const fn new(heap: std::alloc::System) -> Self {
        Counting(heap)
    }

    pub(crate) fn calls_of_this_thread(&self) -> u64 {
        CALLS.get()
    }
}

// SAFETY: each call is passed on as it came.
unsafe impl std::alloc::GlobalAlloc for Counting {
    // SAFETY: as the trait says.
    unsafe fn alloc(&self, layout: std::alloc::Layout) -> *mut u8 {
        CALLS.set(CALLS.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { self.0.alloc(layout) }
    }

    // SAFETY: as the trait says.
    unsafe fn dealloc(&self, at: *mut u8, layout: std::alloc::Layout) {
        CALLS.set(CALLS.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { self.0.dealloc(at, layout) }
    }
}

/// `pause` of a second C library, which is loaded now.
fn pause_of_a_second_libc() -> extern "C" fn() -> i32 {
    // SAFETY: the C library may be loaded twice; nothing but a bare system call of the second is
    // used.
    let library = unsafe { libc::dlmopen(libc::LM_ID_NEWLM, c"libc.so.6".as_ptr(), libc::RTLD_NOW) };
    assert!(!library.is_null());
    // SAFETY: the handle is good.
    let pause = unsafe { libc::dlsym(library, c"pause".as_ptr()) };
    assert!(!pause.is_null());
    // SAFETY: it is `pause`.
    unsafe { std::mem::transmute::<*mut libc::c_void, extern "C" fn() -> i32>(pause) }
}

/// Sleeps in a library that was loaded when `may_load` had a message.
pub(crate) fn sleep_in_a_second_libc(may_load: &std::sync::mpsc::Receiver<()>) {
    if may_load.recv().is_ok() {
        pause_of_a_second_libc()();
    }
}

/// Sleeps in a signal handler, which runs on the alternate stack that std gives to each thread.
#[inline(never)]
pub(crate) fn sleep_in_a_handler() {
    extern "C" fn sleeps_in_handler(_: i32) {
        pause();
    }
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: zeros are a `sigaction`.
    let action = unsafe { action.assume_init_mut() };
    action.sa_sigaction = sleeps_in_handler as *const () as usize;
    action.sa_flags = libc::SA_ONSTACK;
    // SAFETY: the handler is made for the flags.
    unsafe { libc::sigaction(libc::SIGUSR2, action, std::ptr::null_mut()) };
    // SAFETY: it has no precondition.
    let raised = unsafe { libc::raise(libc::SIGUSR2) };
    // No jump to `raise` in the place of a call: this frame is looked for.
    std::hint::black_box(raised);
}

/// Hides the files of this process from it, as `setuid` does in a daemon.
pub(crate) fn become_undumpable() {
    const NOBODY: u32 = 65534;
    // SAFETY: it has no precondition.
    unsafe { libc::setresuid(NOBODY, NOBODY, NOBODY) };
    // SAFETY: it sets a number of this process.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) };
}

/// Makes this process a member of `count` groups. Returns false if the process may not do that.
pub(crate) fn join_groups(count: u32) -> bool {
    let groups: Vec<u32> = (1_000_000..1_000_000 + count).collect();
    // SAFETY: there are so many groups.
    unsafe { libc::setgroups(groups.len(), groups.as_ptr()) == 0 }
}

/// The children of this process have numbers of their own from now on. False: it may not.
pub(crate) fn children_in_a_new_namespace() -> bool {
    // SAFETY: it has no precondition.
    unsafe { libc::unshare(libc::CLONE_NEWPID) == 0 }
}

/// Makes one system call fail for the calling thread, and for threads and children that it starts.
pub(crate) fn refuse(number: u32) {
    let step = |code: u32, k, jt, jf| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut steps = [
        // The number of the call; is it this one? Then EPERM, else allow it.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, number, 0, 1),
        step(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32, 0, 0),
        step(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    let program = libc::sock_fprog { len: 4, filter: steps.as_mut_ptr() };
    // SAFETY: it sets a flag of this thread.
    unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    // SAFETY: the program has four steps, and lives in this frame.
    let result = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

/// Mounts an empty folder over `/proc`, for this process alone. False: it may not.
pub(crate) fn hide_proc() -> bool {
    // SAFETY: it has no precondition.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } != 0 {
        return false;
    }
    let (none, root, proc, kind) = (c"none".as_ptr(), c"/".as_ptr(), c"/proc".as_ptr(), c"tmpfs".as_ptr());
    // SAFETY: the strings are static.
    let own = unsafe {
        libc::mount(none, root, std::ptr::null(), libc::MS_REC | libc::MS_PRIVATE, std::ptr::null())
    };
    // SAFETY: the strings are static.
    own == 0 && unsafe { libc::mount(none, proc, kind, 0, std::ptr::null()) } == 0
}

#[cfg(target_arch = "x86_64")]
std::arch::global_asm!(
    ".pushsection .text.twins,\"ax\",@progbits",
    ".globl _ZN5twins3one17h0123456789abcdefE",
    ".globl _ZN5twins3two17h0123456789abcdefE",
    ".type _ZN5twins3one17h0123456789abcdefE,@function",
    ".type _ZN5twins3two17h0123456789abcdefE,@function",
    "_ZN5twins3one17h0123456789abcdefE:",
    "_ZN5twins3two17h0123456789abcdefE:",
    ".cfi_startproc",
    "push rbp",
    ".cfi_def_cfa_offset 16",
    ".cfi_offset rbp, -16",
    "mov rbp, rsp",
    ".cfi_def_cfa_register rbp",
    "call rdi",
    "pop rbp",
    ".cfi_def_cfa rsp, 8",
    "ret",
    ".cfi_endproc",
    ".size _ZN5twins3one17h0123456789abcdefE, . - _ZN5twins3one17h0123456789abcdefE",
    ".size _ZN5twins3two17h0123456789abcdefE, . - _ZN5twins3two17h0123456789abcdefE",
    ".popsection",
);

#[cfg(target_arch = "x86_64")]
// SAFETY: the assembly above defines this function, with this one argument.
unsafe extern "C" {
    #[link_name = "_ZN5twins3two17h0123456789abcdefE"]
    fn twin(work: extern "C" fn());
}

/// Calls `work` from a function that has two names, as a linker makes one function of two that have
/// the same code.
#[cfg(target_arch = "x86_64")]
pub(crate) fn in_a_twin(work: extern "C" fn()) {
    // SAFETY: it only calls `work`, and unwinds like a function of the compiler's.
    unsafe { twin(work) };
}

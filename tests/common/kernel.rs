//! Owns the requests to the kernel: figures of this process, its signals, its stderr.
//! Refuses to interpret the figures.

use std::time::Duration;

/// OS threads of this process, as the kernel counts them.
pub fn os_threads() -> usize {
    std::fs::read_dir("/proc/self/task").expect("Linux").count()
}

/// How long the calling thread has run on a processor. Other threads that keep the processors busy
/// do not count.
pub fn thread_time() -> Duration {
    time_of(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// The same of all threads of this process, those that have ended included.
pub fn process_time() -> Duration {
    time_of(libc::CLOCK_PROCESS_CPUTIME_ID)
}

#[allow(unsafe_code)]
fn time_of(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it only writes to `time`.
    let told = unsafe { libc::clock_gettime(clock, &raw mut time) };
    assert_eq!(told, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// True if a thread of this process sleeps, by the kernel's view: it wants no processor, and waits
/// for something other than a page of memory.
pub fn sleeps(tid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{tid}/stat")).expect("it is there");
    stat.rsplit_once(") ").expect("a name").1.starts_with('S')
}

/// Resident memory of this process in KiB.
pub fn resident_kib() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    statm.split(' ').nth(1).and_then(|n| n.parse::<usize>().ok()).expect("a number") * 4
}

/// A shell that starts the tests in the background ignores SIGINT and SIGQUIT for them, and
/// children inherit that.
#[allow(unsafe_code)]
pub fn heed_signals() {
    for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGHUP, libc::SIGTERM] {
        // SAFETY: the default action needs no handler.
        let before = unsafe { libc::signal(signal, libc::SIG_DFL) };
        assert_ne!(before, libc::SIG_ERR);
    }
}

/// The disposition of a signal, as the kernel has it.
#[allow(unsafe_code)]
pub fn disposition(signal: i32) -> libc::sighandler_t {
    // SAFETY: all-zero is a valid sigaction.
    let mut now: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: it only asks.
    let asked = unsafe { libc::sigaction(signal, std::ptr::null(), &mut now) };
    assert_eq!(asked, 0);
    now.sa_sigaction
}

/// Makes stderr a pipe that is full and that nobody reads.
pub fn fill_stderr() {
    use rustix::fs::{OFlags, fcntl_setfl};
    let (read, write) = std::io::pipe().unwrap();
    fcntl_setfl(&write, OFlags::NONBLOCK).unwrap();
    while rustix::io::write(&write, &[b'x'; 512]).is_ok() {}
    fcntl_setfl(&write, OFlags::empty()).unwrap();
    rustix::stdio::dup2_stderr(&write).unwrap();
    std::mem::forget(read);
}

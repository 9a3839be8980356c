//! Owns the look at one thread from outside: its state, its processor time, its system call, the
//! function of the kernel in which it sleeps.
//! Refuses to know the calls and their arguments: `calls` and `arguments` do.
//!
//! The arguments of a call point to memory of the thread, and name descriptors. Both may change as
//! soon as the thread goes on. So a look counts how often the thread was put on a processor, before
//! the look and after it: if it was put on none, it was in the call all the while. Otherwise the
//! look is taken again, [`TRIES`] times at most, and then tells the call without its arguments.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::KernelLook;
use super::arguments::{About, Arguments};
use super::calls::known;
use super::proc::{TASKS, from_ticks, read, split_stat, with_place};

/// Number of looks at a thread that goes on between them.
const TRIES: usize = 3;

/// What is missing without the file `syscall`, and what helps.
const CALLS: &str = "system calls, and so the holders of locks: /proc/self/task/*/syscall";
const DUMPABLE: &str = "keep the process dumpable (PR_SET_DUMPABLE)";

/// Looks at what a thread does in the kernel, as far as the kernel reports it. `None` if the thread
/// is gone.
///
/// # Errors
/// The kernel does not report anything: `/proc` is hidden, or the process has no descriptor left.
pub(crate) fn kernel_look(id: u32) -> io::Result<Option<KernelLook>> {
    let Some(stat) = read(id, "stat").map_err(with_place)? else { return gone() };
    let Some((_, state, later)) = split_stat(&stat) else { return Ok(None) };
    // `later` begins with field 4; fields 14 and 15 are the time in the program and in the kernel.
    let ticks = later.skip(10).take(2).map(|ticks| ticks.parse::<u64>().ok()).sum::<Option<u64>>();
    let mut look = KernelLook { state, cpu: ticks.map(from_ticks), ..KernelLook::default() };
    // `0` stands for no channel: the thread does not sleep, or the kernel does not say where.
    let channel = read(id, "wchan").ok().flatten();
    look.channel = channel.map(text).filter(|channel| !matches!(&**channel, "0" | ""));
    look_at_call(id, &mut look);
    Ok(Some(look))
}

/// Adds the processor time, the call and its arguments.
fn look_at_call(id: u32, look: &mut KernelLook) {
    let mut before = turns(id);
    // Finer than the ticks of `stat`.
    look.cpu = before.map(|turns| turns.cpu).or(look.cpu);
    look.turns = before.map(|turns| turns.count);
    for _ in 0..TRIES {
        let line = match line(id) {
            Ok(Some(line)) => line,
            Ok(None) => return,
            // The kernel may refuse this file alone. Then the rest of the look is still of use.
            Err(error) => return look.refused = Some(format!("{CALLS}: {error}; {DUMPABLE}")),
        };
        let Some((number, words)) = parse(&line) else { return look.call = None };
        let Some((name, kind)) = known(number) else {
            return look.call = Some(format!("system call {number}"));
        };
        look.call = Some(name.to_owned());
        let About { text, looked, refused } = Arguments { id, words: &words }.about(kind);
        if let Some(error) = refused {
            return look.refused = Some(format!("arguments of system calls: process_vm_readv: {error}"));
        }
        let after = if looked { turns(id) } else { before };
        if is_same_turn(before, after) && (!looked || before.is_some() || is_still(id, &line)) {
            return look.about = text;
        }
        before = after;
    }
}

/// Returns the number and the arguments of the call in which a thread is. `None` outside of a call.
///
/// # Errors
/// The kernel does not report it.
pub(super) fn call_of(id: u32) -> io::Result<Option<(i64, Vec<u64>)>> {
    Ok(line(id).map_err(with_place)?.as_deref().and_then(parse))
}

/// The thread is gone, or no thread is listed.
fn gone() -> io::Result<Option<KernelLook>> {
    match Path::new(TASKS).try_exists() {
        Ok(true) => Ok(None),
        Ok(false) => Err(with_place(io::Error::from_raw_os_error(libc::ENOENT))),
        Err(error) => Err(with_place(error)),
    }
}

/// How often a thread was put on a processor, and for how long it was there.
#[derive(Clone, Copy)]
pub(super) struct Turns {
    cpu: Duration,
    pub(super) count: u64,
}

/// `None` if the kernel does not count.
pub(super) fn turns(id: u32) -> Option<Turns> {
    let text = text(read(id, "schedstat").ok()??);
    let mut numbers = text.split(' ').map(|number| number.parse::<u64>().ok());
    let (cpu, count) = (numbers.next()??, numbers.nth(1)??);
    // A thread that exists was put on a processor at least once.
    (count > 0).then_some(Turns { cpu: Duration::from_nanos(cpu), count })
}

fn is_same_turn(before: Option<Turns>, after: Option<Turns>) -> bool {
    before.map(|turns| turns.count) == after.map(|turns| turns.count)
}

/// True if the thread is in the same call, at the same place. For a kernel that does not count: the
/// thread may have left the call and come back.
fn is_still(id: u32, seen: &str) -> bool {
    line(id).is_ok_and(|line| line.as_deref() == Some(seen))
}

/// The file `syscall` (`proc(5)`): `running`, or `-1` outside of a call, or the number of the call,
/// its arguments, the stack pointer and the program counter.
fn line(id: u32) -> io::Result<Option<String>> {
    Ok(read(id, "syscall")?.map(text))
}

/// The number and the arguments of a call. `None` outside of a call.
fn parse(line: &str) -> Option<(i64, Vec<u64>)> {
    let mut words = line.split(' ');
    let number = words.next()?.parse::<i64>().ok().filter(|number| *number >= 0)?;
    let hex = |word: &str| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok();
    Some((number, words.map_while(hex).collect()))
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

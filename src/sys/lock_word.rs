//! Owns the look at a lock from outside: the futex at which another thread waits, and the words of
//! memory at and around it.
//! Refuses to know which lock a futex belongs to: `sight::holders` does. The sleep of homebound's
//! own threads on a word is `Sleepers`, in `linux`.

use std::io;

use super::kernel_look::{call_of, turns};
use super::own_memory::copy;

/// The word of memory at which a thread waits (`futex(2)`). Two of them are equal if the thread was
/// put on no processor between the moments at which they were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Futex {
    /// The address of the word.
    pub(crate) address: u64,
    /// The operation, with its flags.
    operation: i32,
    /// How often the thread was put on a processor; `None` if the kernel does not count.
    turns: Option<u64>,
}

impl Futex {
    /// True if the thread waits until the word changes.
    pub(crate) fn is_wait(&self) -> bool {
        self.operation & libc::FUTEX_CMD_MASK == libc::FUTEX_WAIT
    }

    /// True if the thread waits for a priority-inheriting lock.
    pub(crate) fn is_lock_pi(&self) -> bool {
        [libc::FUTEX_LOCK_PI, libc::FUTEX_LOCK_PI2].contains(&(self.operation & libc::FUTEX_CMD_MASK))
    }
}

/// Returns the futex at which a thread waits. `None` if it does something else.
///
/// # Errors
/// The kernel does not report it.
pub(crate) fn futex_of(id: u32) -> io::Result<Option<Futex>> {
    // The count first, because an equal count at a later reading covers all between them.
    let turns = turns(id).map(|turns| turns.count);
    let Some((libc::SYS_futex, words)) = call_of(id)? else { return Ok(None) };
    let [address, operation, ..] = *words else { return Ok(None) };
    #[expect(clippy::cast_possible_truncation, reason = "the upper half of the argument has no meaning")]
    let operation = operation as i32;
    Ok(Some(Futex { address, operation, turns }))
}

/// The id of the owner in the word of a futex that has one (`futex(2)`).
pub(crate) fn owner_in(word: u32) -> u32 {
    word & libc::FUTEX_TID_MASK
}

/// Returns the words at an address. `None` if they are not mapped, or must not be read.
pub(crate) fn words_at<const N: usize>(address: u64) -> Option<[u32; N]> {
    let mut words = [0; N];
    for (place, word) in words.iter_mut().enumerate() {
        let mut bytes = [0; 4];
        let at = address.checked_add(4 * place as u64)?;
        // The words are not of one moment. So the caller checks afterwards (`is_unmoved`) that the
        // waiter has not gone on.
        *word = (copy(at, &mut bytes).ok()? == bytes.len()).then(|| u32::from_ne_bytes(bytes))?;
    }
    Some(words)
}

/// Returns the byte at an address.
pub(crate) fn byte_at(address: u64) -> Option<u8> {
    let mut byte = [0];
    (copy(address, &mut byte).ok()? == 1).then_some(byte[0])
}

/// Returns the words from an address on, until `most` bytes are read or nothing is mapped.
pub(crate) fn long_words_from(address: u64, most: usize) -> Vec<u64> {
    let mut bytes = vec![0; most];
    let mut done = 0;
    while let Some(room) = bytes.get_mut(done..).filter(|room| !room.is_empty()) {
        match copy(address.saturating_add(done as u64), room) {
            // The end of the mapped memory, which is no error here.
            Ok(0) | Err(_) => break,
            Ok(some) => done += some,
        }
    }
    let words = bytes.get(..done).unwrap_or_default().chunks_exact(8);
    words.filter_map(|word| word.first_chunk().copied()).map(u64::from_ne_bytes).collect()
}

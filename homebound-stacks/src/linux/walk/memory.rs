//! Owns the view that the walk has of memory: a copy of a stack, and everything else as it is.
//! Refuses to know how memory is read. A test or a fuzzer brings its own.

/// Copies from an address on, and returns how many bytes were there.
pub(crate) type Read<'a> = dyn Fn(u64, &mut [u8]) -> usize + 'a;

/// A piece of a stack, with the address of its first byte.
pub(crate) type Piece<'a> = (u64, &'a [u8]);

/// A stack as it was at one moment, and the memory around it, of which only code and tables are
/// read.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    /// The first begins at the stack pointer. The second is a part of the stack on which the thread
    /// was when a signal moved it to another; it is empty for most threads.
    pub(crate) stack: [Piece<'a>; 2],
    pub(crate) read: &'a Read<'a>,
}

impl View<'_> {
    /// A word of the copied stack.
    pub(crate) fn on_stack(&self, at: u64) -> Option<u64> {
        self.stack.iter().find_map(|(from, bytes)| {
            let start = usize::try_from(at.checked_sub(*from)?).ok()?;
            let word = bytes.get(start..start.checked_add(8)?)?;
            Some(u64::from_le_bytes(word.try_into().ok()?))
        })
    }

    /// `N` bytes of code or of a table, as they are now.
    pub(crate) fn bytes<const N: usize>(&self, at: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        ((self.read)(at, &mut bytes) == N).then_some(bytes)
    }
}

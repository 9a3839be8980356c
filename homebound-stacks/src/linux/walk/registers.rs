//! Owns the registers of one frame: some are known, some are not.
//! Refuses to know what they are for on which machine: `arch` does.

/// The numbers of the unwind tables, and beyond them the program counter of aarch64.
pub(crate) const COUNT: usize = 33;

/// Registers by their numbers in the unwind tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Registers {
    /// Bit *n*: register *n* is known.
    known: u64,
    values: [u64; COUNT],
}

impl Registers {
    pub(crate) const NONE: Registers = Registers { known: 0, values: [0; COUNT] };

    pub(crate) fn get(&self, number: u16) -> Option<u64> {
        let is_known = u32::from(number) < u64::BITS && self.known >> number & 1 == 1;
        is_known.then(|| self.values.get(usize::from(number)).copied()).flatten()
    }

    /// Does nothing for a number that is too high.
    pub(crate) fn set(&mut self, number: u16, value: Option<u64>) {
        let Some(place) = self.values.get_mut(usize::from(number)) else { return };
        *place = value.unwrap_or(0);
        self.known = self.known & !(1 << number) | u64::from(value.is_some()) << number;
    }

    /// Keeps the registers of `mask` alone.
    pub(crate) fn keep(&mut self, mask: u64) {
        self.known &= mask;
    }

    /// Of this machine.
    pub(crate) fn stack_pointer(&self) -> Option<u64> {
        self.get(super::arch::HOST.sp)
    }
}

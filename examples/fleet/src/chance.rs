//! Chance that can be repeated: the same seed makes the same choices.

pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Chance {
        // Zero would stay zero for ever.
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `limit`, by xorshift (Marsaglia 2003).
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

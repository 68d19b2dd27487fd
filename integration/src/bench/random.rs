//! **Random** numbers that are the same on every machine.

/// xorshift64*: fast, and good enough for contents that do not compress.
pub(crate) struct Random(u64);

impl Default for Random {
    fn default() -> Self {
        Self::new(0x9e37_79b9_7f4a_7c15)
    }
}

impl Random {
    /// Starts a series; `seed` is not zero.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next number; the upper bits are the better ones.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Returns a number below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> usize {
        (((self.next() >> 32) * limit) >> 32) as usize
    }
}

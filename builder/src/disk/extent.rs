//! An *extent* is a stretch of bytes of which it is known, without reading them, whether they can
//! be anything but zero.

/// A stretch of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// What is known of it.
    pub kind: ExtentKind,
    /// How long it is, in bytes. There may be more of the same kind behind it.
    pub len: u64,
}

/// What is known of bytes that have not been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtentKind {
    /// They can be anything, also zero.
    Data,
    /// All of them are zero: a hole of a file, a cluster that was never written.
    Zero,
}

impl Extent {
    /// Bytes that can be anything.
    pub fn data(len: u64) -> Self {
        Self { kind: ExtentKind::Data, len }
    }

    /// Bytes that are zero.
    pub fn zero(len: u64) -> Self {
        Self { kind: ExtentKind::Zero, len }
    }
}

/// Tells whether all bytes are zero; leaves at the first group of 128 that is not.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    let (groups, rest) = bytes.as_chunks::<128>();
    // Or-ing a whole group without a branch lets the compiler use the widest registers there are.
    groups.iter().all(|group| group.iter().fold(0, |any, byte| any | byte) == 0)
        && rest.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_found_and_nothing_else() {
        for len in [0, 1, 127, 128, 129, 4096, 5000] {
            let mut bytes = vec![0; len];
            assert!(is_zero(&bytes), "{len}");
            for at in 0..len {
                bytes[at] = 1;
                assert!(!is_zero(&bytes), "{len} at {at}");
                bytes[at] = 0;
            }
        }
    }
}

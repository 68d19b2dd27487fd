//! An *extent* is a range of bytes, classified without reading them: data, or zeros.

/// A range of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Whether the bytes are known to be zero.
    pub kind: ExtentKind,
    /// Length in bytes. More bytes of the same kind may follow.
    pub len: u64,
}

/// What is known of bytes without reading them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtentKind {
    /// The bytes may have any value, including zero.
    Data,
    /// All of them are zero: a hole of a file, a cluster that was never written.
    Zero,
}

impl Extent {
    /// Creates an extent of data.
    pub fn data(len: u64) -> Self {
        Self { kind: ExtentKind::Data, len }
    }

    /// Creates an extent of zeros.
    pub fn zero(len: u64) -> Self {
        Self { kind: ExtentKind::Zero, len }
    }
}

/// Returns whether all bytes are zero; stops at the first group of 128 that are not.
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

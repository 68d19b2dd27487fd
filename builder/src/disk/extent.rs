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

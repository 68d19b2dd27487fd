//! Fixed *bytes* of a file: read where they lie, and taken apart into numbers.

use std::io;

use super::{Flaw, FlawKind, ReadAt};

/// Why a part of a disk is not known.
#[derive(Debug)]
pub enum Fault {
    /// It cannot be read, or is not to be had (see [`Start`](super::Start)).
    Io(io::Error),
    /// It is wrong.
    Flaw(Flaw),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Flaw> for Fault {
    fn from(flaw: Flaw) -> Self {
        Self::Flaw(flaw)
    }
}

impl Fault {
    /// Returns what is wrong with the disk, or nothing if that cannot be told from the bytes that
    /// are to be had.
    pub(super) fn flaw(self, bytes: &dyn ReadAt) -> io::Result<Option<Flaw>> {
        match self {
            Self::Flaw(flaw) => Ok(Some(flaw)),
            Self::Io(error)
                if error.kind() == io::ErrorKind::UnexpectedEof && !bytes.is_empty() =>
            {
                Ok(None)
            }
            Self::Io(error) => Err(error),
        }
    }
}

/// Reads a part of fixed length, called `what` if it is missing.
pub(super) fn part<const LEN: usize>(
    bytes: &dyn ReadAt,
    at: u64,
    what: &str,
) -> Result<[u8; LEN], Fault> {
    let mut space = [0; LEN];
    fill(bytes, &mut space, at, what)?;
    Ok(space)
}

/// Reads a part whose place the file tells, called `what` if it is missing.
pub(super) fn fill(bytes: &dyn ReadAt, space: &mut [u8], at: u64, what: &str) -> Result<(), Fault> {
    if !holds(bytes, at, space.len() as u64) {
        let detail = format!("{what} at byte {at} lies outside the file of {} bytes", bytes.len());
        return Err(Flaw { kind: FlawKind::OutsideFile, detail }.into());
    }
    Ok(bytes.read_exact_at(space, at)?)
}

/// Tells whether all of a part lies in the file.
pub(super) fn holds(bytes: &dyn ReadAt, at: u64, len: u64) -> bool {
    at.checked_add(len).is_some_and(|end| end <= bytes.len())
}

/// Returns what bytes there are up to the end of the file, `N` at most; zeros behind them, as QEMU
/// sees a file's last sector.
pub(super) fn padded<const LEN: usize>(bytes: &dyn ReadAt, at: u64) -> io::Result<[u8; LEN]> {
    let mut space = [0; LEN];
    let there = usize::try_from(bytes.len().saturating_sub(at)).unwrap_or(usize::MAX).min(LEN);
    bytes.read_exact_at(&mut space[..there], at)?;
    Ok(space)
}

macro_rules! numbers {
    ($($name:ident $type:ident $from:ident;)*) => {$(
        /// Returns the number at an offset; zero where there are no bytes.
        pub(super) fn $name(bytes: &[u8], at: usize) -> $type {
            let end = at.saturating_add(size_of::<$type>());
            let number = bytes.get(at..end).and_then(|bytes| bytes.try_into().ok());
            number.map_or(0, $type::$from)
        }
    )*};
}

numbers! {
    be16 u16 from_be_bytes;
    be32 u32 from_be_bytes;
    be64 u64 from_be_bytes;
    le16 u16 from_le_bytes;
    le32 u32 from_le_bytes;
    le64 u64 from_le_bytes;
}

//! Fixed *bytes* of a file: read where they lie, and taken apart into numbers.

use std::io;

use super::{Fault, ReadAt};

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
        return Err(Fault::outside_file(bytes, what, at));
    }
    Ok(bytes.read_exact_at(space, at)?)
}

/// Tells whether all of a part lies in the file.
pub(super) fn holds(bytes: &dyn ReadAt, at: u64, len: u64) -> bool {
    at.checked_add(len).is_some_and(|end| end <= bytes.len())
}

/// Returns the bytes from `at` on; zeros behind the end of the file.
pub(super) fn padded<const LEN: usize>(bytes: &dyn ReadAt, at: u64) -> io::Result<[u8; LEN]> {
    let mut space = [0; LEN];
    fill_padded(bytes, &mut space, at)?;
    Ok(space)
}

/// Fills `space` with the bytes from `at` on; zeros behind the end of the file, as QEMU reads them.
pub(super) fn fill_padded(bytes: &dyn ReadAt, space: &mut [u8], at: u64) -> io::Result<()> {
    let rest = usize::try_from(bytes.len().saturating_sub(at)).unwrap_or(usize::MAX);
    let (inside, behind) = space.split_at_mut(rest.min(space.len()));
    behind.fill(0);
    if inside.is_empty() {
        return Ok(());
    }
    bytes.read_exact_at(inside, at)
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

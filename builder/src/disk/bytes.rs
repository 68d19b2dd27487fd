//! Reads *bytes* of a file at fixed offsets, and the numbers in them.

use std::io;

use super::{Fault, ReadAt};

/// Reads a part of fixed length. `what` names the part in the flaw that reports it as missing.
pub(super) fn read_part<const LEN: usize>(
    bytes: &dyn ReadAt,
    at: u64,
    what: &str,
) -> Result<[u8; LEN], Fault> {
    let mut space = [0; LEN];
    fill_part(bytes, &mut space, at, what)?;
    Ok(space)
}

/// Reads a part whose offset comes from the file itself. `what` names the part in the flaw that
/// reports it as missing.
pub(super) fn fill_part(
    bytes: &dyn ReadAt,
    space: &mut [u8],
    at: u64,
    what: &str,
) -> Result<(), Fault> {
    if !contains_range(bytes, at, space.len() as u64) {
        return Err(Fault::outside_file(bytes, what, at));
    }
    Ok(bytes.read_exact_at(space, at)?)
}

/// Returns whether the file contains all of a range of bytes.
pub(super) fn contains_range(bytes: &dyn ReadAt, at: u64, len: u64) -> bool {
    at.checked_add(len).is_some_and(|end| end <= bytes.len())
}

/// Reads bytes at an offset that may lie behind the end, which is an error.
pub(super) fn read_array<const LEN: usize>(bytes: &dyn ReadAt, at: u64) -> io::Result<[u8; LEN]> {
    let mut space = [0; LEN];
    bytes.read_exact_at(&mut space, at)?;
    Ok(space)
}

/// Reads bytes; those behind the end of the file are zero.
pub(super) fn read_padded<const LEN: usize>(bytes: &dyn ReadAt, at: u64) -> io::Result<[u8; LEN]> {
    let mut space = [0; LEN];
    fill_padded(bytes, &mut space, at)?;
    Ok(space)
}

/// Fills `space` with the bytes from `at` on. Those behind the end of the file are zero, as in QEMU.
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
        /// Returns the number at an offset, or zero if the bytes end before it.
        pub(crate) fn $name(bytes: &[u8], at: usize) -> $type {
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

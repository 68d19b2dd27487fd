//! The *size* of the decompressed content of a file, as far as the file records it.

use std::io;

use super::CompressionFormat;

/// Reads from an offset in the compressed bytes.
pub(crate) type ReadAtFn<'a> = &'a dyn Fn(&mut [u8], u64) -> io::Result<()>;

/// Returns the decompressed size that the compressed file records, if it does. It is a hint: callers
/// have to notice if it is wrong, as for a gzip file of several members.
pub(crate) fn size_hint(
    compression: CompressionFormat,
    len: u64,
    read_at: ReadAtFn<'_>,
) -> Option<u64> {
    match compression {
        CompressionFormat::Gzip => gzip_hint(len, read_at),
        CompressionFormat::Xz => xz_hint(len, read_at),
        CompressionFormat::Zstd => zstd_hint(len, read_at),
        CompressionFormat::Bzip2 => None,
    }
}

/// RFC 1952: the last four bytes are the size modulo 2^32. Returns the smallest such size that is not
/// below the compressed one.
fn gzip_hint(len: u64, read_at: ReadAtFn<'_>) -> Option<u64> {
    let mut size = [0; 4];
    read_at(&mut size, len.checked_sub(4)?).ok()?;
    let low = u64::from(u32::from_le_bytes(size));
    Some(low + len.saturating_sub(low).div_ceil(1 << 32) * (1 << 32))
}

fn zstd_hint(len: u64, read_at: ReadAtFn<'_>) -> Option<u64> {
    let mut header = [0; 18];
    let space = &mut header[..usize::try_from(len).unwrap_or(usize::MAX).min(18)];
    read_at(space, 0).ok()?;
    zstd::zstd_safe::get_frame_content_size(space).ok()?
}

/// The .xz format's footer leads to an index of the sizes of all blocks
/// (<https://tukaani.org/xz/xz-file-format.txt>, sections 2.1.2 and 4). Of several streams only the
/// last is read.
fn xz_hint(len: u64, read_at: ReadAtFn<'_>) -> Option<u64> {
    const FOOTER: u64 = 12;
    /// Maximum length in bytes; indexes of real files are shorter.
    const INDEX_MAX: u64 = 16 << 20;
    let mut footer = [0; 12];
    read_at(&mut footer, len.checked_sub(FOOTER)?).ok()?;
    if &footer[10..] != b"YZ" {
        return None;
    }
    let backward = [footer[4], footer[5], footer[6], footer[7]];
    let index_len = (u64::from(u32::from_le_bytes(backward)) + 1) * 4;
    if index_len > INDEX_MAX {
        return None;
    }
    let mut index = vec![0; usize::try_from(index_len).ok()?];
    read_at(&mut index, len.checked_sub(FOOTER + index_len)?).ok()?;
    let mut rest = index.strip_prefix(&[0])?;
    let count = xz_number(&mut rest)?;
    (0..count).try_fold(0_u64, |sum, _| {
        let _compressed_size = xz_number(&mut rest)?;
        sum.checked_add(xz_number(&mut rest)?)
    })
}

/// Section 1.2: seven bits a byte, the lowest first.
fn xz_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for position in 0..9 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << (7 * position);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

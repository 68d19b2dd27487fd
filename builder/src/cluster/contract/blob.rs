//! How the *blob* of a layer begins: CDI and container runtimes detect the compression by its first
//! bytes.

use crate::compression::CompressionFormat;

/// How a blob begins: what a reader that detects the compression sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlobStart {
    /// gzip.
    Gzip,
    /// xz.
    Xz,
    /// bzip2.
    Bzip2,
    /// A zstd frame with data.
    Zstd {
        /// Offset in bytes of the end of the first block with data; [`u64::MAX`] if the bytes do
        /// not show it.
        first_block_end: u64,
    },
    /// A zstd frame without data.
    ZstdSkippable,
    /// None of these: a tar, if it is one.
    Plain,
}

impl BlobStart {
    /// Detects how a blob begins by its first bytes; some hundred are enough.
    pub(crate) fn detect(bytes: &[u8]) -> Self {
        match CompressionFormat::detect(bytes) {
            Some(CompressionFormat::Gzip) => Self::Gzip,
            Some(CompressionFormat::Xz) => Self::Xz,
            Some(CompressionFormat::Bzip2) => Self::Bzip2,
            Some(CompressionFormat::Zstd) => {
                Self::Zstd { first_block_end: first_block_end(bytes).unwrap_or(u64::MAX) }
            }
            None if is_skippable(bytes) => Self::ZstdSkippable,
            None => Self::Plain,
        }
    }
}

/// Returns whether a skippable zstd frame begins here (RFC 8878, section 3.1.2).
fn is_skippable(bytes: &[u8]) -> bool {
    matches!(bytes, [low, 0x2a, 0x4d, 0x18, ..] if low & 0xf0 == 0x50)
}

/// Returns the offset in bytes of the end of the first block with data in a zstd frame (RFC 8878,
/// section 3.1.1); nothing if the bytes do not show it.
fn first_block_end(bytes: &[u8]) -> Option<u64> {
    let descriptor = *bytes.get(4)?;
    let is_single = descriptor & 0x20 != 0;
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let content_size = match descriptor >> 6 {
        0 => usize::from(is_single),
        flag => 1 << flag,
    };
    let mut at = 5 + usize::from(!is_single) + dictionary + content_size;
    loop {
        let &[low, middle, high] = bytes.get(at..)?.first_chunk::<3>()?;
        let header = u32::from_le_bytes([low, middle, high, 0]);
        let (is_last, kind, size) = (header & 1 != 0, (header >> 1) & 3, header >> 3);
        // A block of one repeated byte has only that.
        let stored = if kind == 1 { 1 } else { usize::try_from(size).ok()? };
        at = at.checked_add(3)?.checked_add(stored)?;
        if is_last || size > 0 {
            return Some(at as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_begin_in_different_ways() {
        let check =
            |bytes: &[u8], expected: BlobStart| assert_eq!(BlobStart::detect(bytes), expected);
        let zstd = |first_block_end| BlobStart::Zstd { first_block_end };
        check(b"", BlobStart::Plain);
        check(&[0x1f, 0x8b, 8, 0], BlobStart::Gzip);
        check(b"\xfd7zXZ\0", BlobStart::Xz);
        check(b"BZh9", BlobStart::Bzip2);
        check(b"disk/\0\0", BlobStart::Plain);
        check(&[0x5a, 0x2a, 0x4d, 0x18, 4, 0, 0, 0], BlobStart::ZstdSkippable);
        // Where the bytes do not show it, no fault is found.
        check(&[0x28, 0xb5, 0x2f, 0xfd], zstd(u64::MAX));
        check(&[0x28, 0xb5, 0x2f, 0xfd, 0x60, 0, 3], zstd(u64::MAX));
        // A raw block of 1,024 bytes, as diskette begins with.
        let guard = ((1024_u32 << 3) | 1).to_le_bytes();
        check(&[&[0x28, 0xb5, 0x2f, 0xfd, 0x60, 0, 3][..], &guard[..3]].concat(), zstd(10 + 1024));
        // An empty block, then one repeated byte.
        let (empty, rle) = (0_u32.to_le_bytes(), ((70_000_u32 << 3) | 2).to_le_bytes());
        let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0, 0x58][..], &empty[..3], &rle[..3], &[0]];
        check(&frame.concat(), zstd(13));
        let small = zstd::encode_all(vec![0; 100_000].as_slice(), 3).unwrap();
        let BlobStart::Zstd { first_block_end: end } = BlobStart::detect(&small) else { panic!() };
        assert!(end < 64, "{end}");
        let large = zstd::encode_all(&noise()[..], 3).unwrap();
        let BlobStart::Zstd { first_block_end: end } = BlobStart::detect(&large) else { panic!() };
        assert!(end > 100_000, "{end}");
    }

    fn noise() -> Vec<u8> {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        };
        (0..200_000).map(|_| next()).collect()
    }
}

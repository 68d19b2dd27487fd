//! What a file is *packed* with as a whole, by its first bytes.

use crate::recipe::Packing;

/// How many bytes [`detect`] looks at.
pub(crate) const MAGIC_LEN: u64 = 6;

/// Tells from the first bytes of a file how it is packed.
pub(crate) fn detect(start: &[u8]) -> Option<Packing> {
    const MAGIC: [(&[u8], Packing); 4] = [
        (&[0x1f, 0x8b, 8], Packing::Gzip),
        (&[0xfd, b'7', b'z', b'X', b'Z', 0], Packing::Xz),
        (&[0x28, 0xb5, 0x2f, 0xfd], Packing::Zstd),
        (b"BZh", Packing::Bzip2),
    ];
    MAGIC.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, packing)| *packing)
}

//! *Signatures* of contents that are not at the beginning of a volume, as `blkid` of util-linux knows them.

use super::bytes::{be32, be64, le32, le64, read_padded};
use super::{Fault, ReadAt};

/// Offsets in a volume, the bytes there, and what has them.
const SIGNATURES: [(u64, &[u8], &str); 15] = [
    (3, b"EXFAT   ", "exfat"),
    (0, b"bluestore block device", "bluestore"),
    (4096 + 24, b"\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81", "bcache"),
    (8192 + 52, b"ReIsEr", "reiserfs"),
    ((64 << 10) + 52, b"ReIsEr", "reiserfs"),
    (32 << 10, b"JFS1", "jfs"),
    ((32 << 10) + 1, b"CD001", "iso9660"),
    ((32 << 10) + 1, b"BEA01", "udf"),
    ((64 << 10) + 64, b"_BHRfS_M", "btrfs"),
    (8192 + 1372, b"\x54\x19\x01\x00", "ufs"),
    (8192 + 1372, b"\x00\x01\x19\x54", "ufs"),
    ((64 << 10) + 1372, b"\x19\x01\x54\x19", "ufs"),
    ((64 << 10) + 1372, b"\x19\x54\x01\x19", "ufs"),
    (1 << 20, b"\x0d\xd0\x01\xc0", "vmfs"),
    (2 << 20, b"\x0d\xf1\xab\x2f", "vmfs"),
];

/// Magic of an uberblock of ZFS, which has one a KiB in the second half of each of its four labels.
const ZFS_MAGIC: u64 = 0x00ba_b10c;
const ZFS_LABEL_LEN: u64 = 256 << 10;

/// Magic of a member of an array of Linux's md.
const MD_MAGIC: u32 = 0xa92b_4efc;

/// Returns what has a signature in a volume behind its first bytes.
pub(super) fn find_far_signature(
    disk: &dyn ReadAt,
    start: u64,
    len: u64,
) -> Result<Option<&'static str>, Fault> {
    let at = |offset: u64| start.saturating_add(offset);
    for (offset, magic, name) in SIGNATURES {
        let found: [u8; 32] = read_padded(disk, at(offset))?;
        if offset + 32 <= len && found.starts_with(magic) {
            return Ok(Some(name));
        }
    }
    let labels = len / ZFS_LABEL_LEN;
    let labels = if labels < 4 { [None; 4] } else { [0, 1, labels - 2, labels - 1].map(Some) };
    for label in labels.into_iter().flatten() {
        if has_uberblock(disk, at(label * ZFS_LABEL_LEN + ZFS_LABEL_LEN / 2))? {
            return Ok(Some("zfs"));
        }
    }
    // Version 0.90 is in the last whole 64 KiB, 1.0 at least 8 KiB before the end.
    let places = [(len & !0xffff).checked_sub(64 << 10), (len & !0xfff).checked_sub(8 << 10)];
    for offset in places.into_iter().flatten() {
        let found: [u8; 4] = read_padded(disk, at(offset))?;
        if [le32(&found, 0), be32(&found, 0)].contains(&MD_MAGIC) {
            return Ok(Some("a member of a RAID"));
        }
    }
    Ok(None)
}

/// Returns whether one of the 128 uberblocks from an offset on has been written.
fn has_uberblock(disk: &dyn ReadAt, start: u64) -> Result<bool, Fault> {
    for number in 0..128 {
        let found: [u8; 8] = read_padded(disk, start.saturating_add(number << 10))?;
        if [le64(&found, 0), be64(&found, 0)].contains(&ZFS_MAGIC) {
            return Ok(true);
        }
    }
    Ok(false)
}

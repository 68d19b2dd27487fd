//! *Sectors*, in which disks, their formats and QEMU count.

/// Length of a sector in bytes, for arrays.
pub(super) const SECTOR: usize = 512;

/// Length of a sector in bytes.
pub(super) const SECTOR_LEN: u64 = SECTOR as u64;

/// Length of the longest sectors in bytes.
pub(crate) const SECTOR_LEN_MAX: u64 = 4096;

/// Lengths of sectors in bytes: of nearly all disks, and of some.
pub(super) const SECTOR_LENS: [u64; 2] = [SECTOR_LEN, SECTOR_LEN_MAX];

/// Rounds down to whole sectors.
pub(super) fn round_down(len: u64) -> u64 {
    len - len % SECTOR_LEN
}

/// Rounds up to whole sectors, as QEMU does with the length of a file.
pub(super) fn round_up(len: u64) -> u64 {
    len.checked_next_multiple_of(SECTOR_LEN).unwrap_or(u64::MAX)
}

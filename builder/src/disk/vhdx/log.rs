//! The *log* of a VHDX: changes of its tables that may not have been applied yet.

use super::section::MIB;
use crate::disk::bytes::{contains_range, le32, le64};
use crate::disk::{Fault, FlawKind, ReadAt, is_zero};

/// Maximum number of bytes that are read of a log; it is hardly ever longer than one MiB.
pub(super) const LEN_MAX: u64 = 64 * MIB;

/// Length in bytes of the sectors of log entries, and the signature of an entry.
pub(super) const SECTOR: usize = 4096;
pub(super) const SIGNATURE: &[u8] = b"loge";

/// Returns whether the log that a header refers to has changes.
pub(super) fn has_changes(bytes: &dyn ReadAt, header: &[u8]) -> Result<bool, Fault> {
    let id = header.get(48..64).unwrap_or_default();
    let (len, at) = (u64::from(le32(header, 68)), le64(header, 72));
    if is_zero(id) || len == 0 {
        return Ok(false);
    }
    if !contains_range(bytes, at, len) || len > LEN_MAX {
        let detail = format!("the log of {len} bytes at byte {at} is not all there, or too long");
        return Err(Fault::new(FlawKind::OutsideFile, detail));
    }
    let mut sectors = vec![0; 64 << 10];
    let mut done = 0;
    while done < len {
        let count = usize::try_from(len - done).unwrap_or(usize::MAX).min(sectors.len());
        let (sectors, _) = sectors.split_at_mut(count);
        bytes.read_exact_at(sectors, at + done)?;
        let mut entries = sectors.chunks(SECTOR);
        if entries.any(|entry| entry.starts_with(SIGNATURE) && entry.get(32..48) == Some(id)) {
            return Ok(true);
        }
        done += count as u64;
    }
    Ok(false)
}

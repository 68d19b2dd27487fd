//! The *sections* of a VHDX: its headers and tables, which have a common form.

use crate::disk::bytes::le32;
use crate::disk::{Fault, FlawKind};

pub(super) const KIB: u64 = 1 << 10;
pub(super) const MIB: u64 = 1 << 20;

/// Length of a table in bytes.
pub(super) const SECTION_LEN: usize = 64 << 10;

/// Length of an entry of a table in bytes.
const ENTRY_LEN: usize = 32;

/// Returns the entries of a table, which follow its header.
pub(super) fn table_entries(
    table: &[u8],
    head: usize,
    count: u32,
) -> Result<impl Iterator<Item = &[u8]>, Fault> {
    let entries = table.get(head..).unwrap_or_default().chunks_exact(ENTRY_LEN);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count > entries.len() {
        let detail = format!("a table says that it has {count} entries, more than it can have");
        return Err(Fault::malformed(detail));
    }
    Ok(entries.take(count))
}

/// Returns the fault of a required part, called `what`, that is unknown.
pub(super) fn unknown_required(what: &str) -> Fault {
    let detail = format!("it has {what} that is required and unknown");
    Fault::new(FlawKind::UnknownFeature, detail)
}

/// Returns whether the checksum at byte 4 is valid; it is computed with itself set to zero.
pub(super) fn has_valid_checksum(part: &[u8]) -> bool {
    let (head, rest) = part.split_at_checked(8).unwrap_or_default();
    let sum = crc32c::crc32c(head.get(..4).unwrap_or_default());
    let sum = crc32c::crc32c_append(sum, &[0; 4]);
    crc32c::crc32c_append(sum, rest) == le32(part, 4)
}

//! *ISO 9660* file systems, of CDs (ECMA-119).

use crate::disk::bytes::{le16, le32, read_part};
use crate::disk::{Fault, FlawKind, ReadAt};

/// Length of a CD's block in bytes.
pub(in crate::disk) const BLOCK_LEN: u64 = 2048;

/// Where the volume descriptors begin, in bytes (6.2.1 and 6.7.1), and the identifier behind the
/// first byte of each (8.1).
const DESCRIPTORS_AT: u64 = 16 * BLOCK_LEN;
const IDENTIFIER: &[u8; 5] = b"CD001";

/// The type of a primary volume descriptor (8.1.1).
const PRIMARY: u8 = 1;

/// Length in bytes of the padding behind a file system, which may be cut off.
const PADDING: u64 = 1 << 20;

/// Returns whether a file has such a file system.
pub(in crate::disk) fn detect(bytes: &dyn ReadAt) -> bool {
    read_part(bytes, DESCRIPTORS_AT + 1, "").is_ok_and(|found| found == *IDENTIFIER)
}

/// Checks that all of the file system is in the file: its primary volume descriptor has the number of
/// blocks and the length of one (8.4.8 and 8.4.12).
pub(in crate::disk) fn check_end(bytes: &dyn ReadAt) -> Result<(), Fault> {
    let descriptor: [u8; 132] = read_part(bytes, DESCRIPTORS_AT, "its volume descriptor")?;
    if descriptor[0] != PRIMARY {
        return Ok(());
    }
    let len = u64::from(le32(&descriptor, 80)) * u64::from(le16(&descriptor, 128));
    if len <= bytes.len().saturating_add(PADDING) {
        return Ok(());
    }
    let detail = format!(
        "it ends after {} bytes, and its file system has {len}: was a download cut off?",
        bytes.len()
    );
    Err(Fault::new(FlawKind::Truncated, detail))
}

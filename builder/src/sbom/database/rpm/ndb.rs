//! *ndb*, rpm's own database (`lib/backend/ndb/rpmpkg.c` in rpm): slots that say where the headers are, then
//! the headers. All numbers have the order of the machine, which is little-endian here.

use crate::disk::ReadAt;
use crate::disk::bytes::le32;
use crate::sbom::error::FileProblem;

const MAGIC: &[u8] = b"RpmP";
const SLOT_MAGIC: &[u8] = b"Slot";
const BLOB_MAGIC: &[u8] = b"BlbS";

/// Length in bytes of a page of slots, of a slot, and of what is in front of the first one.
const PAGE: u64 = 4096;
const SLOT: usize = 16;
const HEADER: usize = 32;

/// Length in bytes of the blocks that headers begin at, and of what is in front of a header.
const BLOCK: u64 = 16;
const BLOB_HEAD: usize = 16;

/// How many pages of slots are read: those of 65,000 packages.
const PAGES_MAX: u64 = 256;

/// Passes the offset and the length of each header, in bytes.
pub(super) fn each_blob(
    file: &dyn ReadAt,
    each: &mut dyn FnMut(u64, u64) -> Result<(), FileProblem>,
) -> Result<(), FileProblem> {
    let damaged = || FileProblem::damaged("it is no database of rpm, or damaged");
    let mut header = [0; HEADER];
    if file.len() < HEADER as u64 {
        return Err(damaged());
    }
    file.read_exact_at(&mut header, 0)?;
    let pages = u64::from(le32(&header, 12));
    let slots_end = pages * PAGE;
    if !header.starts_with(MAGIC) || pages == 0 || pages > PAGES_MAX || slots_end > file.len() {
        return Err(damaged());
    }
    let mut slots = vec![0; usize::try_from(slots_end - HEADER as u64).unwrap_or(0)];
    file.read_exact_at(&mut slots, HEADER as u64)?;
    for slot in slots.as_chunks::<SLOT>().0 {
        let (package, block) = (le32(slot, 4), u64::from(le32(slot, 8)));
        if !slot.starts_with(SLOT_MAGIC) {
            return Err(damaged());
        }
        // A slot of no package is free.
        if package == 0 || block == 0 {
            continue;
        }
        let at = block * BLOCK;
        let mut head = [0; BLOB_HEAD];
        if at + BLOB_HEAD as u64 > file.len() {
            return Err(damaged());
        }
        file.read_exact_at(&mut head, at)?;
        let len = u64::from(le32(&head, 12));
        let is_valid = head.starts_with(BLOB_MAGIC)
            && le32(&head, 4) == package
            && at + BLOB_HEAD as u64 + len <= file.len();
        if !is_valid {
            return Err(damaged());
        }
        each(at + BLOB_HEAD as u64, len)?;
    }
    Ok(())
}

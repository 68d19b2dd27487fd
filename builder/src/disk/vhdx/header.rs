//! The *headers* of a VHDX; the one that was written last is valid.

use super::log;
use super::metadata::Metadata;
use super::regions::Regions;
use super::section::{KIB, has_valid_checksum};
use crate::disk::bytes::{contains_range, le16, le64, read_part};
use crate::disk::{Fault, Flaw, FlawKind, ReadAt};

/// Signature at the beginning of a file.
const SIGNATURE: &[u8] = b"vhdxfile";

/// Offsets of both headers in bytes, and their signature.
const HEADERS_AT: [u64; 2] = [64 * KIB, 128 * KIB];
const HEADER_SIGNATURE: &[u8] = b"head";

/// The only version.
const VERSION: u16 = 1;

/// Number of sectors that one block of the bitmap of written sectors covers.
const BITMAP_SECTORS: u64 = 1 << 23;

/// Length of an entry in the table of blocks in bytes.
const ENTRY_LEN: u64 = 8;

/// What to do with a disk whose machine was not shut down.
const REPLAY: &str = "build with `--convert qcow2`, or `convert: qcow2` in a spec, which applies them; so does \
     `qemu-img check -r all DISK`";

/// Contents of headers and metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Size of the disk in bytes.
    pub(super) virtual_size: u64,
    /// Length of a block in bytes.
    pub(super) block_len: u64,
    /// Offset of the table of blocks in bytes.
    pub(super) block_table_at: u64,
    /// Number of blocks after which the table has an entry for a block of the bitmap.
    pub(super) chunk_ratio: u64,
    /// Flaws that keep the disk from being used.
    pub(super) flaws: Vec<Flaw>,
}

/// Returns whether a file with this beginning is a VHDX.
pub(in crate::disk) fn detect(start: &[u8]) -> bool {
    start.starts_with(SIGNATURE)
}

impl Header {
    pub(super) fn parse(bytes: &dyn ReadAt) -> Result<Self, Fault> {
        let (_, current) = current_header(bytes)?;
        let mut flaws = Vec::new();
        if log::has_changes(bytes, &current)? {
            let detail = "its log holds changes that are not in the disk yet";
            flaws.push(Flaw::new(FlawKind::Corrupt, detail).with_remedy(REPLAY));
        }
        let regions = Regions::read(bytes)?;
        let metadata = Metadata::read(bytes, regions.metadata_at)?;
        metadata.check_values(&mut flaws)?;
        let block = metadata.block_len;
        let ratio = BITMAP_SECTORS * metadata.sector_len / block;
        let blocks = metadata.virtual_size.div_ceil(block);
        let entries = blocks + blocks.saturating_sub(1) / ratio;
        let (table, len) = regions.block_table;
        if entries * ENTRY_LEN > len || !contains_range(bytes, table, entries * ENTRY_LEN) {
            let detail = format!("the table of {blocks} blocks at byte {table} is not all there");
            return Err(Fault::new(FlawKind::OutsideFile, detail));
        }
        Ok(Self {
            virtual_size: metadata.virtual_size,
            block_len: block,
            block_table_at: table,
            chunk_ratio: ratio,
            flaws,
        })
    }
}

/// Returns the header that was written last, and its offset in bytes.
pub(super) fn current_header(bytes: &dyn ReadAt) -> Result<(u64, [u8; 4096]), Fault> {
    let mut current: Option<(u64, [u8; 4096])> = None;
    for at in HEADERS_AT {
        let header = read_part::<4096>(bytes, at, "a header")?;
        let valid = header.starts_with(HEADER_SIGNATURE)
            && le16(&header, 66) == VERSION
            && has_valid_checksum(&header);
        let newer = current.is_none_or(|(_, current)| le64(&header, 8) > le64(&current, 8));
        if valid && newer {
            current = Some((at, header));
        }
    }
    let none = || Flaw::new(FlawKind::Corrupt, "neither of its headers has a right checksum");
    Ok(current.ok_or_else(none)?)
}

//! The *footer* of a VHD, and the header of a dynamic one.

use crate::disk::bytes::{be16, be32, be64, contains_range, fill_part, read_part};
use crate::disk::refusals::{JOIN_VHD, needs_parent, table_exceeds_file};
use crate::disk::sector::{SECTOR, SECTOR_LEN};
use crate::disk::{Fault, Flaw, FlawKind, ReadAt};

/// Signature of footers.
const COOKIE: &[u8] = b"conectix";

/// Signature of the header of a dynamic disk.
const DYNAMIC_COOKIE: &[u8] = b"cxsparse";

/// Offsets of their checksums in bytes.
const CHECKSUM_AT: usize = 64;
const DYNAMIC_CHECKSUM_AT: usize = 36;

/// Types of disks.
const FIXED: u32 = 2;
const DYNAMIC: u32 = 3;
const DIFFERENCING: u32 = 4;

/// Length of an entry in the table of blocks in bytes.
const ENTRY_LEN: u64 = 4;

/// Maximum number of sectors of a disk: 2040 GiB.
const SECTORS_MAX: u64 = 0xff00_0000;

/// Number of sectors of the largest geometry, which is also written for all larger disks.
const GEOMETRY_MAX: u64 = 65535 * 16 * 255;

/// Contents of the footer and the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Size of the disk in bytes.
    pub(super) virtual_size: u64,
    /// The table of blocks; `None` if the disk is stored in front of the footer.
    pub(super) table: Option<BlockTable>,
    /// Flaws that keep the disk from being used.
    pub(super) flaws: Vec<Flaw>,
}

/// The table of blocks of a dynamic disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockTable {
    /// Offset in bytes.
    pub(super) at: u64,
    /// Length of a block in bytes, without the bitmap in front of it.
    pub(super) block_len: u64,
}

impl BlockTable {
    /// Returns the length of the bitmap in front of a block, in bytes.
    pub(super) fn bitmap_len(&self) -> u64 {
        (self.block_len / SECTOR_LEN).div_ceil(8).next_multiple_of(SECTOR_LEN)
    }
}

/// Returns whether a file with this beginning is a VHD: a dynamic one begins with a copy of its footer.
pub(in crate::disk) fn detect(start: &[u8]) -> bool {
    start.starts_with(COOKIE)
}

/// Returns whether a file ends in the footer of a fixed disk. QEMU treats such a file as raw unless the
/// format is given; so does this program if the end is not available.
pub(in crate::disk) fn is_fixed(bytes: &dyn ReadAt) -> bool {
    bytes.len().checked_sub(SECTOR_LEN).is_some_and(|at| {
        read_part::<SECTOR>(bytes, at, "the footer")
            .is_ok_and(|footer| detect(&footer) && has_valid_checksum(&footer, CHECKSUM_AT))
    })
}

impl Header {
    pub(super) fn parse(bytes: &dyn ReadAt) -> Result<Self, Fault> {
        let mut footer = read_part::<SECTOR>(bytes, 0, "the footer")?;
        if !detect(&footer) {
            let at = bytes.len().saturating_sub(SECTOR_LEN);
            footer = read_part(bytes, at, "the footer")?;
        }
        if !detect(&footer) {
            let detail = "there is no footer, neither at the end nor at the beginning";
            return Err(Fault::new(FlawKind::Truncated, detail));
        }
        if !has_valid_checksum(&footer, CHECKSUM_AT) {
            let detail = "the checksum of the footer is wrong";
            return Err(Fault::new(FlawKind::Corrupt, detail));
        }
        let virtual_size = parse_virtual_size(&footer)?;
        match be32(&footer, 60) {
            FIXED => Self::parse_fixed(bytes, virtual_size),
            kind @ (DYNAMIC | DIFFERENCING) => {
                let table = parse_dynamic_header(bytes, be64(&footer, 16), virtual_size)?;
                let mut flaws = Vec::new();
                if kind == DIFFERENCING {
                    flaws.push(needs_parent(None, JOIN_VHD));
                }
                Ok(Self { virtual_size, table: Some(table), flaws })
            }
            kind => {
                let detail = format!("it is a disk of the unknown type {kind}");
                Err(Fault::new(FlawKind::UnknownFeature, detail))
            }
        }
    }

    fn parse_fixed(bytes: &dyn ReadAt, virtual_size: u64) -> Result<Self, Fault> {
        let there = bytes.len().saturating_sub(SECTOR_LEN);
        if virtual_size > there {
            let detail = format!("the disk has {virtual_size} bytes, of which {there} are there");
            return Err(Fault::new(FlawKind::Truncated, detail));
        }
        Ok(Self { virtual_size, table: None, flaws: Vec::new() })
    }
}

/// Returns the size of the disk as QEMU reads it: the geometry for disks of Virtual PC, and the size
/// next to it for those of other programs; the footer names the program.
fn parse_virtual_size(footer: &[u8; SECTOR]) -> Result<u64, Flaw> {
    let by_size = matches!(
        footer.get(28..32).unwrap_or_default(),
        b"win " | b"qem2" | b"d2v " | b"CTXS" | b"wa\0\0" | [b't', b'a', b'p', _]
    );
    let heads = u64::from(footer.get(58).copied().unwrap_or(0));
    let per_track = u64::from(footer.get(59).copied().unwrap_or(0));
    let geometry = u64::from(be16(footer, 56)) * heads * per_track;
    let by_size = by_size || geometry == GEOMETRY_MAX;
    let sectors = if by_size { be64(footer, 48) / SECTOR_LEN } else { geometry };
    if sectors > SECTORS_MAX {
        let detail = format!("a disk of {sectors} sectors is larger than the format allows");
        return Err(Flaw::new(FlawKind::Malformed, detail));
    }
    Ok(sectors * SECTOR_LEN)
}

fn parse_dynamic_header(
    bytes: &dyn ReadAt,
    at: u64,
    virtual_size: u64,
) -> Result<BlockTable, Fault> {
    let mut header = [0; 1024];
    fill_part(bytes, &mut header, at, "the header of a dynamic disk")?;
    if !header.starts_with(DYNAMIC_COOKIE) {
        return Err(Fault::malformed(format!("there is no header of a dynamic disk at byte {at}")));
    }
    if !has_valid_checksum(&header, DYNAMIC_CHECKSUM_AT) {
        let detail = "the checksum of the dynamic disk's header is wrong";
        return Err(Fault::new(FlawKind::Corrupt, detail));
    }
    let (entries, block) = (u64::from(be32(&header, 28)), u64::from(be32(&header, 32)));
    if !block.is_power_of_two() || block < SECTOR_LEN {
        return Err(Fault::malformed(format!("blocks of {block} bytes are no power of two")));
    }
    if virtual_size.div_ceil(block) > entries {
        return Err(Fault::malformed(format!(
            "a disk of {virtual_size} bytes does not fit into {entries} blocks of {block} bytes"
        )));
    }
    let at = be64(&header, 16);
    if !contains_range(bytes, at, ENTRY_LEN * entries) {
        return Err(table_exceeds_file(entries, at).into());
    }
    Ok(BlockTable { at, block_len: block })
}

/// Returns whether the checksum of a part, at the offset `own`, is valid: the complement of the sum of
/// all other bytes.
fn has_valid_checksum(part: &[u8], own: usize) -> bool {
    let others = part.iter().enumerate().filter(|(at, _)| !(own..own + 4).contains(at));
    let sum = others.fold(0_u32, |sum, (_, byte)| sum.wrapping_add(u32::from(*byte)));
    !sum == be32(part, own)
}

//! *VHD*, Virtual PC's and Azure's format: a footer behind the disk itself (fixed), or in front a
//! copy of it and a table with one entry for each block (dynamic, differencing).
//!
//! Sources: Microsoft's *Virtual Hard Disk Image Format Specification* (2006), and QEMU's
//! `block/vpc.c` for how large a disk is.

use crate::disk::bytes::{Fault, be16, be32, be64, fill, holds, part};
use crate::disk::{Flaw, FlawKind, Info, ReadAt, guest};

/// The length of a sector and of the footer, in bytes.
pub(in crate::disk) const SECTOR: u64 = 512;

/// With what footers begin.
const COOKIE: &[u8] = b"conectix";

/// How many sectors a disk has at most: 2040 GiB.
const SECTORS_MAX: u64 = 0xff00_0000;

/// How many sectors the largest geometry has: it stands for any size that is not smaller.
const GEOMETRY_MAX: u64 = 65535 * 16 * 255;

/// What the footer and the header say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::disk) struct Header {
    /// Of the disk, in bytes.
    pub(in crate::disk) virtual_size: u64,
    /// Where the blocks are found; nothing if the disk lies in front of the footer.
    pub(in crate::disk) table: Option<Table>,
    /// What keeps it from being used.
    pub(in crate::disk) flaws: Vec<Flaw>,
}

/// The table of a dynamic disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::disk) struct Table {
    /// Where it begins, in bytes.
    pub(in crate::disk) at: u64,
    /// The length of a block, in bytes, without the bitmap in front of it.
    pub(in crate::disk) block: u64,
}

impl Table {
    /// Returns the length of the bitmap in front of a block, in bytes.
    pub(in crate::disk) fn bitmap(&self) -> u64 {
        (self.block / SECTOR).div_ceil(8).next_multiple_of(SECTOR)
    }
}

/// Tells whether a file that begins so has a footer.
fn detect(start: &[u8]) -> bool {
    start.starts_with(COOKIE)
}

/// Tells whether a file ends in the footer of a fixed disk. QEMU takes such a file for raw unless
/// it is told otherwise; so does who has not got the end of it.
pub(in crate::disk) fn is_fixed(bytes: &dyn ReadAt) -> bool {
    bytes.len().checked_sub(SECTOR).is_some_and(|at| {
        part::<512>(bytes, at, "the footer")
            .is_ok_and(|footer| detect(&footer) && sum(&footer, 64) == be32(&footer, 64))
    })
}

/// Adds what footer and header tell.
pub(in crate::disk) fn examine(bytes: &dyn ReadAt, info: &mut Info) -> Result<(), Fault> {
    let header = Header::parse(bytes)?;
    info.virtual_size = header.virtual_size;
    info.flaws.extend(header.flaws);
    if header.table.is_none() {
        let detail = "its footer is for KubeVirt and CDI the last sector of a raw disk";
        info.flaws.push(Flaw::new(FlawKind::CdiOnly, detail));
    }
    guest::examine(bytes, info)
}

impl Header {
    pub(in crate::disk) fn parse(bytes: &dyn ReadAt) -> Result<Self, Fault> {
        let mut footer = part::<512>(bytes, 0, "the footer")?;
        if !detect(&footer) {
            let at = bytes.len().saturating_sub(SECTOR);
            footer = part(bytes, at, "the footer")?;
        }
        if !detect(&footer) {
            let detail = "there is no footer, neither at the end nor at the beginning";
            return Err(Flaw::new(FlawKind::Truncated, detail).into());
        }
        if sum(&footer, 64) != be32(&footer, 64) {
            let detail = "the checksum of the footer is wrong";
            return Err(Flaw::new(FlawKind::Corrupt, detail).into());
        }
        let virtual_size = virtual_size(&footer)?;
        match be32(&footer, 60) {
            2 => Self::fixed(bytes, virtual_size),
            kind @ (3 | 4) => {
                let table = table(bytes, be64(&footer, 16), virtual_size)?;
                let mut flaws = Vec::new();
                if kind == 4 {
                    let detail = "what is not in it is in another disk, its parent";
                    flaws.push(Flaw::new(FlawKind::BackingFile, detail));
                }
                Ok(Self { virtual_size, table: Some(table), flaws })
            }
            kind => {
                let detail = format!("it is a disk of the unknown type {kind}");
                Err(Flaw::new(FlawKind::UnknownFeature, detail).into())
            }
        }
    }

    fn fixed(bytes: &dyn ReadAt, virtual_size: u64) -> Result<Self, Fault> {
        let there = bytes.len().saturating_sub(SECTOR);
        if virtual_size > there {
            let detail = format!("the disk has {virtual_size} bytes, of which {there} are there");
            return Err(Flaw::new(FlawKind::Truncated, detail).into());
        }
        Ok(Self { virtual_size, table: None, flaws: Vec::new() })
    }
}

/// Returns the size of the disk as QEMU sees it: Virtual PC goes by the geometry, others by the
/// size next to it, and the program that made the disk says which it is.
fn virtual_size(footer: &[u8; 512]) -> Result<u64, Flaw> {
    let by_size = matches!(
        footer.get(28..32).unwrap_or_default(),
        b"win " | b"qem2" | b"d2v " | b"CTXS" | b"wa\0\0" | [b't', b'a', b'p', _]
    );
    let heads = u64::from(footer.get(58).copied().unwrap_or(0));
    let per_track = u64::from(footer.get(59).copied().unwrap_or(0));
    let geometry = u64::from(be16(footer, 56)) * heads * per_track;
    let by_size = by_size || geometry == GEOMETRY_MAX;
    let sectors = if by_size { be64(footer, 48) / SECTOR } else { geometry };
    if sectors > SECTORS_MAX {
        let detail = format!("a disk of {sectors} sectors is larger than the format allows");
        return Err(Flaw::new(FlawKind::Malformed, detail));
    }
    Ok(sectors * SECTOR)
}

fn table(bytes: &dyn ReadAt, at: u64, virtual_size: u64) -> Result<Table, Fault> {
    let mut header = [0; 1024];
    fill(bytes, &mut header, at, "the header of a dynamic disk")?;
    let malformed = |detail: String| Fault::from(Flaw::new(FlawKind::Malformed, detail));
    if !header.starts_with(b"cxsparse") {
        return Err(malformed(format!("there is no header of a dynamic disk at byte {at}")));
    }
    if sum(&header, 36) != be32(&header, 36) {
        let detail = "the checksum of the dynamic disk's header is wrong";
        return Err(Flaw::new(FlawKind::Corrupt, detail).into());
    }
    let (entries, block) = (u64::from(be32(&header, 28)), u64::from(be32(&header, 32)));
    if !block.is_power_of_two() || block < SECTOR {
        return Err(malformed(format!("blocks of {block} bytes are no power of two")));
    }
    if virtual_size.div_ceil(block) > entries {
        return Err(malformed(format!(
            "a disk of {virtual_size} bytes does not fit into {entries} blocks of {block} bytes"
        )));
    }
    let at = be64(&header, 16);
    if !holds(bytes, at, 4 * entries) {
        let detail = format!("the table of {entries} blocks at byte {at} exceeds the file");
        return Err(Flaw::new(FlawKind::OutsideFile, detail).into());
    }
    Ok(Table { at, block })
}

/// Returns the checksum of a part whose own stands at an offset: the complement of the sum of all
/// other bytes.
fn sum(part: &[u8], own: usize) -> u32 {
    let sums = part.iter().enumerate().filter(|(at, _)| !(own..own + 4).contains(at));
    !sums.fold(0_u32, |sum, (_, byte)| sum.wrapping_add(u32::from(*byte)))
}

//! *VHDX*, Hyper-V's format: two headers with checksums, a log, and two regions: metadata, and a
//! table with one entry for each block.
//!
//! Source: Microsoft's *[MS-VHDX]*, and QEMU's `block/vhdx.c` for what CDI can convert.

use crate::disk::bytes::{Fault, fill, holds, le16, le32, le64, part};
use crate::disk::{Flaw, FlawKind, Info, ReadAt, guest};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// How much of a log is looked at, in bytes; it is hardly ever longer than one MiB.
const LOG_MAX: u64 = 64 * MIB;

const BAT: [u8; 16] = *b"\x66\x77\xc2\x2d\x23\xf6\x00\x42\x9d\x64\x11\x5e\x9b\xfd\x4a\x08";
const METADATA: [u8; 16] = *b"\x06\xa2\x7c\x8b\x90\x47\x9a\x4b\xb8\xfe\x57\x5f\x05\x0f\x88\x6e";

const PARAMETERS: [u8; 16] = *b"\x37\x67\xa1\xca\x36\xfa\x43\x4d\xb3\xb6\x33\xf0\xaa\x44\xe7\x6b";
const SIZE: [u8; 16] = *b"\x24\x42\xa5\x2f\x1b\xcd\x76\x48\xb2\x11\x5d\xbe\xd8\x3b\xf4\xb8";
const SECTOR: [u8; 16] = *b"\x1d\xbf\x41\x81\x6f\xa9\x09\x47\xba\x47\xf2\x33\xa8\xfa\xab\x5f";
const PHYSICAL: [u8; 16] = *b"\xc7\x48\xa3\xcd\x5d\x44\x71\x44\x9c\xc9\xe9\x88\x52\x51\xc5\x56";
const PAGE_83: [u8; 16] = *b"\xab\x12\xca\xbe\xe6\xb2\x23\x45\x93\xef\xc3\x09\xe0\x00\xc7\x46";
const PARENT: [u8; 16] = *b"\x2d\x5f\xd3\xa8\x0b\xb3\x4d\x45\xab\xf7\xd3\xd8\x48\x34\xab\x0c";

/// What headers and metadata say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::disk) struct Header {
    /// Of the disk, in bytes.
    pub(in crate::disk) virtual_size: u64,
    /// The length of a block, in bytes.
    pub(in crate::disk) block: u64,
    /// Where the table of blocks begins, in bytes.
    pub(in crate::disk) table: u64,
    /// After how many blocks the table has an entry that is for none.
    pub(in crate::disk) ratio: u64,
    /// What keeps it from being used.
    pub(in crate::disk) flaws: Vec<Flaw>,
}

/// Adds what headers and metadata tell.
pub(in crate::disk) fn examine(bytes: &dyn ReadAt, info: &mut Info) -> Result<(), Fault> {
    let header = Header::parse(bytes)?;
    info.virtual_size = header.virtual_size;
    info.flaws.extend(header.flaws);
    guest::examine(bytes, info)
}

impl Header {
    pub(in crate::disk) fn parse(bytes: &dyn ReadAt) -> Result<Self, Fault> {
        let current = current_header(bytes)?;
        let mut flaws = Vec::new();
        if has_log(bytes, &current)? {
            let detail = "its log holds changes that are not in the disk yet";
            flaws.push(Flaw::new(FlawKind::Corrupt, detail));
        }
        let regions = Regions::read(bytes)?;
        let metadata = Metadata::read(bytes, regions.metadata)?;
        metadata.check(&mut flaws)?;
        let block = metadata.block;
        let ratio = (1 << 23) * metadata.sector / block;
        let blocks = metadata.size.div_ceil(block);
        let entries = blocks + blocks.saturating_sub(1) / ratio;
        let (table, len) = regions.table;
        if entries * 8 > len || !holds(bytes, table, entries * 8) {
            let detail = format!("the table of {blocks} blocks at byte {table} is not all there");
            return Err(Flaw::new(FlawKind::OutsideFile, detail).into());
        }
        Ok(Self { virtual_size: metadata.size, block, table, ratio, flaws })
    }
}

/// Returns that one of both headers that was written last.
fn current_header(bytes: &dyn ReadAt) -> Result<[u8; 4096], Fault> {
    let mut current: Option<[u8; 4096]> = None;
    for at in [64 * KIB, 128 * KIB] {
        let header = part::<4096>(bytes, at, "a header")?;
        let valid = header.starts_with(b"head") && le16(&header, 66) == 1 && is_whole(&header);
        let newer = current.is_none_or(|current| le64(&header, 8) > le64(&current, 8));
        if valid && newer {
            current = Some(header);
        }
    }
    let none = || Flaw::new(FlawKind::Corrupt, "neither of its headers has a right checksum");
    Ok(current.ok_or_else(none)?)
}

/// Tells whether there is something in the log that was not written to its place.
fn has_log(bytes: &dyn ReadAt, header: &[u8]) -> Result<bool, Fault> {
    let id = header.get(48..64).unwrap_or_default();
    let (len, at) = (u64::from(le32(header, 68)), le64(header, 72));
    if id.iter().all(|byte| *byte == 0) || len == 0 {
        return Ok(false);
    }
    if !holds(bytes, at, len) || len > LOG_MAX {
        let detail = format!("the log of {len} bytes at byte {at} is not all there, or too long");
        return Err(Flaw::new(FlawKind::OutsideFile, detail).into());
    }
    let mut sectors = vec![0; 64 << 10];
    let mut done = 0;
    while done < len {
        let count = usize::try_from(len - done).unwrap_or(usize::MAX).min(sectors.len());
        let (sectors, _) = sectors.split_at_mut(count);
        bytes.read_exact_at(sectors, at + done)?;
        let mut entries = sectors.chunks(4096);
        if entries.any(|entry| entry.starts_with(b"loge") && entry.get(32..48) == Some(id)) {
            return Ok(true);
        }
        done += count as u64;
    }
    Ok(false)
}

/// Where the regions lie.
struct Regions {
    /// Where the table of blocks begins and how long it is, in bytes.
    table: (u64, u64),
    /// Where the metadata begin, in bytes.
    metadata: u64,
}

impl Regions {
    fn read(bytes: &dyn ReadAt) -> Result<Self, Fault> {
        let mut region = vec![0; 64 << 10];
        fill(bytes, &mut region, 192 * KIB, "the table of regions")?;
        if !region.starts_with(b"regi") || !is_whole(&region) {
            let detail = "the checksum of the table of regions is wrong";
            return Err(Flaw::new(FlawKind::Corrupt, detail).into());
        }
        let (mut table, mut metadata) = (None, None);
        for entry in entries(&region, 16, le32(&region, 8))? {
            let (at, len) = (le64(entry, 16), u64::from(le32(entry, 24)));
            let place = match entry.first_chunk() {
                Some(&BAT) => &mut table,
                Some(&METADATA) => &mut metadata,
                _ if le32(entry, 28) & 1 == 0 => continue,
                _ => return Err(unknown("a region")),
            };
            if place.replace((at, len)).is_some() || at < MIB {
                let detail = format!("the region at byte {at} is there twice, or over the headers");
                return Err(Flaw::new(FlawKind::Malformed, detail).into());
            }
        }
        let (Some(table), Some((metadata, _))) = (table, metadata) else {
            let detail = "it has no table of blocks, or no metadata";
            return Err(Flaw::new(FlawKind::Malformed, detail).into());
        };
        Ok(Self { table, metadata })
    }
}

/// What the metadata say.
#[derive(Default)]
struct Metadata {
    /// Of blocks, in bytes.
    block: u64,
    flags: u32,
    /// Of the disk, in bytes.
    size: u64,
    /// Of logical sectors, in bytes.
    sector: u64,
}

impl Metadata {
    fn read(bytes: &dyn ReadAt, region: u64) -> Result<Self, Fault> {
        let mut table = vec![0; 64 << 10];
        fill(bytes, &mut table, region, "the table of metadata")?;
        if !table.starts_with(b"metadata") {
            let detail = format!("there are no metadata at byte {region}");
            return Err(Flaw::new(FlawKind::Malformed, detail).into());
        }
        let mut metadata = Self::default();
        for entry in entries(&table, 32, le16(&table, 10).into())? {
            let item = || {
                let at = region.saturating_add(u64::from(le32(entry, 16)));
                part::<8>(bytes, at, "an item of the metadata")
            };
            match entry.first_chunk() {
                Some(&PARAMETERS) => {
                    metadata.block = le32(&item()?, 0).into();
                    metadata.flags = le32(&item()?, 4);
                }
                Some(&SIZE) => metadata.size = le64(&item()?, 0),
                Some(&SECTOR) => metadata.sector = le32(&item()?, 0).into(),
                Some(&PHYSICAL | &PAGE_83 | &PARENT) => {}
                _ if le32(entry, 24) & 4 == 0 => {}
                _ => return Err(unknown("an item of the metadata")),
            }
        }
        Ok(metadata)
    }

    fn check(&self, flaws: &mut Vec<Flaw>) -> Result<(), Fault> {
        let malformed = |detail: String| Err(Flaw::new(FlawKind::Malformed, detail).into());
        let Self { block, flags, size, sector } = *self;
        if !block.is_power_of_two() || !(MIB..=256 * MIB).contains(&block) {
            return malformed(format!("blocks of {block} bytes are not allowed"));
        }
        if ![512, 4096].contains(&sector) || !size.is_multiple_of(sector) || size > 64 << 40 {
            return malformed(format!(
                "a disk of {size} bytes in sectors of {sector} bytes is not allowed"
            ));
        }
        if flags & 2 != 0 {
            let detail = "what is not in it is in another disk, its parent";
            flaws.push(Flaw::new(FlawKind::BackingFile, detail));
        }
        if sector != 512 {
            let detail = "its sectors are of 4096 bytes, which QEMU does not take";
            flaws.push(Flaw::new(FlawKind::Unsupported, detail));
        }
        Ok(())
    }
}

/// Returns the entries of 32 bytes of a table that has a head in front of them.
fn entries(table: &[u8], head: usize, count: u32) -> Result<impl Iterator<Item = &[u8]>, Fault> {
    let entries = table.get(head..).unwrap_or_default().chunks_exact(32);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count > entries.len() {
        let detail = format!("a table says that it has {count} entries, more than it can have");
        return Err(Flaw::new(FlawKind::Malformed, detail).into());
    }
    Ok(entries.take(count))
}

fn unknown(what: &str) -> Fault {
    let detail = format!("it has {what} that is required and that nobody knows");
    Flaw::new(FlawKind::UnknownFeature, detail).into()
}

/// Tells whether the checksum at byte 4 is that of a part, in which it is zero.
fn is_whole(part: &[u8]) -> bool {
    let (head, rest) = part.split_at_checked(8).unwrap_or_default();
    let sum = crc32c::crc32c(head.get(..4).unwrap_or_default());
    let sum = crc32c::crc32c_append(sum, &[0; 4]);
    crc32c::crc32c_append(sum, rest) == le32(part, 4)
}

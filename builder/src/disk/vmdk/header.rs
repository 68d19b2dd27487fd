//! The *header* of a sparse extent, which can stand at its end too.

use super::descriptor::Descriptor;
use super::{SECTOR, SPARSE};
use crate::disk::bytes::{Fault, holds, le16, le32, le64, part};
use crate::disk::{Flaw, FlawKind, ReadAt};

/// How many entries a table of grains has at most: QEMU reads no larger ones.
const ENTRIES_MAX: u64 = 512;

/// How many sectors a grain has at most: one GiB, as in QEMU.
const GRAIN_MAX: u64 = 0x20_0000;

/// How many sectors a compressed grain has at most: two MiB. All programs make them of 64 KiB.
const COMPRESSED_MAX: u64 = 4096;

/// How many tables the directory has at most: as in QEMU.
const TABLES_MAX: u64 = 32 << 20;

/// Flags: grains can be marked as zero, are compressed, have markers in front of them.
const ZERO_GRAINS: u32 = 1 << 2;
const COMPRESSED: u32 = 1 << 16;
const MARKERS: u32 = 1 << 17;

/// What a VMDK says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::disk) struct Header {
    /// Of the disk, in bytes.
    pub(in crate::disk) virtual_size: u64,
    /// Where the data is, if it is in this file.
    pub(in crate::disk) grains: Option<Grains>,
    /// What keeps it from being used.
    pub(in crate::disk) flaws: Vec<Flaw>,
}

/// Where grains are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::disk) struct Grains {
    /// Where the directory begins, the table of tables, in bytes.
    pub(in crate::disk) directory: u64,
    /// How many entries a table has.
    pub(in crate::disk) entries: u64,
    /// How long a grain is, in bytes.
    pub(in crate::disk) len: u64,
    /// Whether they are compressed with zlib.
    pub(in crate::disk) compressed: bool,
    /// Whether a marker stands in front of each that tells its length.
    pub(in crate::disk) marked: bool,
    /// Whether an entry of 1 stands for a grain of zeros.
    pub(in crate::disk) zeros: bool,
}

impl Header {
    /// Parses a file that begins as a sparse extent.
    pub(super) fn sparse(bytes: &dyn ReadAt) -> Result<Self, Fault> {
        let mut fields = part::<512>(bytes, 0, "the header")?;
        let descriptor = descriptor(bytes, &fields)?;
        if le64(&fields, 12) == 0 && le64(&fields, 28) != 0 {
            let virtual_size = descriptor.size()?;
            return Ok(Self { virtual_size, grains: None, flaws: descriptor.flaws() });
        }
        if le64(&fields, 56) == u64::MAX {
            fields = footer(bytes)?;
        }
        let capacity = le64(&fields, 12);
        let virtual_size = capacity.checked_mul(SECTOR).ok_or_else(|| {
            let detail = format!("a disk of {capacity} sectors is too large");
            Flaw::new(FlawKind::Malformed, detail)
        })?;
        let grains = Some(Grains::parse(bytes, &fields, capacity)?);
        Ok(Self { virtual_size, grains, flaws: descriptor.parent_flaw().into_iter().collect() })
    }
}

/// Reads the descriptor that the header points to.
fn descriptor(bytes: &dyn ReadAt, fields: &[u8]) -> Result<Descriptor, Fault> {
    let (at, len) = (le64(fields, 28), le64(fields, 36));
    if at == 0 {
        return Ok(Descriptor::default());
    }
    let place = at.checked_mul(SECTOR).zip(len.checked_mul(SECTOR));
    let Some((at, len)) = place.filter(|(at, _)| *at < bytes.len()) else {
        let detail = format!("the descriptor at sector {at} lies outside the file");
        return Err(Flaw::new(FlawKind::OutsideFile, detail).into());
    };
    Descriptor::read(bytes, at, len)
}

/// Reads the header at the end, between two markers of a sector each.
fn footer(bytes: &dyn ReadAt) -> Result<[u8; 512], Fault> {
    let sectors = bytes.len().div_ceil(SECTOR);
    let truncated = || {
        let detail = "the header that belongs at its end is missing";
        Fault::from(Flaw::new(FlawKind::Truncated, detail))
    };
    let at = sectors.checked_sub(3).ok_or_else(truncated)? * SECTOR;
    if !holds(bytes, at, 3 * SECTOR) {
        return Err(truncated());
    }
    let tail = part::<1536>(bytes, at, "the footer")?;
    let is_marker = |at: usize, kind| {
        let number = |skip| le32(&tail, at + skip);
        number(8) == 0 && number(12) == kind
    };
    let fields: Option<&[u8; 512]> = tail.get(512..).and_then(|tail| tail.first_chunk());
    let fields = fields.filter(|fields| fields.starts_with(SPARSE));
    match fields {
        Some(fields) if is_marker(0, 3) && is_marker(1024, 0) => Ok(*fields),
        _ => Err(truncated()),
    }
}

impl Grains {
    fn parse(bytes: &dyn ReadAt, fields: &[u8; 512], capacity: u64) -> Result<Self, Fault> {
        let malformed = |detail: String| Err(Flaw::new(FlawKind::Malformed, detail).into());
        let unknown = |detail: String| Err(Flaw::new(FlawKind::UnknownFeature, detail).into());
        let (version, flags) = (le32(fields, 4), le32(fields, 8));
        let (grain, entries) = (le64(fields, 20), u64::from(le32(fields, 44)));
        if version > 3 {
            return unknown(format!("the header is of version {version}, known are 1 to 3"));
        }
        let compressed = match le16(fields, 77) {
            0 => false,
            1 => true,
            other => {
                return unknown(format!("its grains are compressed in the unknown way {other}"));
            }
        };
        if flags & COMPRESSED != 0 && !compressed {
            return malformed("its grains are compressed, but in no way that it tells".into());
        }
        if !(1..=ENTRIES_MAX).contains(&entries) {
            return malformed(format!("tables of {entries} grains are not allowed"));
        }
        let most = if compressed { COMPRESSED_MAX } else { GRAIN_MAX };
        if !(1..=most).contains(&grain) {
            return malformed(format!("grains of {grain} sectors are not allowed"));
        }
        let tables = capacity.div_ceil(grain * entries);
        let directory = le64(fields, 56).saturating_mul(SECTOR);
        if tables > TABLES_MAX || !holds(bytes, directory, 4 * tables) {
            let detail =
                format!("the directory of {tables} tables at byte {directory} exceeds the file");
            return Err(Flaw::new(FlawKind::OutsideFile, detail).into());
        }
        let data = le64(fields, 64);
        if data > bytes.len().div_ceil(SECTOR) {
            let detail = format!("it ends before sector {data}, where its data begins");
            return Err(Flaw::new(FlawKind::Truncated, detail).into());
        }
        Ok(Self {
            directory,
            entries,
            len: grain * SECTOR,
            compressed,
            marked: flags & MARKERS != 0,
            zeros: flags & ZERO_GRAINS != 0,
        })
    }
}

//! The *grains* of a sparse extent: blocks that are found through a directory and tables.

use crate::disk::bytes::{contains_range, le16, le32, le64};
use crate::disk::sector::{SECTOR, SECTOR_LEN};
use crate::disk::{Fault, FlawKind, ReadAt};

/// How many entries a table of grains has at most: QEMU reads no larger tables.
const ENTRIES_MAX: u64 = 512;

/// How many entries a table of a sparse extent of ESX has.
const COWD_ENTRIES: u64 = 4096;

/// Length of an entry of a table or of the directory in bytes.
const ENTRY_LEN: u64 = 4;

/// How many sectors a grain has at most: 1 GiB, as in QEMU.
const GRAIN_MAX: u64 = 0x20_0000;

/// How many sectors a compressed grain has at most: 2 MiB. The usual length is 64 KiB.
const COMPRESSED_MAX: u64 = 4096;

/// How many tables the directory has at most, as in QEMU.
const TABLES_MAX: u64 = 32 << 20;

/// The last version of the header that QEMU reads.
const VERSION_MAX: u32 = 3;

/// Flags of the header: grains can be marked as zero, are compressed, have markers in front of them.
const ZERO_GRAINS: u32 = 1 << 2;
const COMPRESSED: u32 = 1 << 16;
const MARKERS: u32 = 1 << 17;

/// Compression methods.
const NONE: u16 = 0;
const DEFLATE: u16 = 1;

/// What a header declares of the grains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grains {
    /// Offset of the directory, which lists the tables, in bytes.
    pub(super) directory_at: u64,
    /// How many entries a table has.
    pub(super) table_len: u64,
    /// Length of a grain in bytes.
    pub(super) grain_len: u64,
    /// Whether grains are compressed with zlib.
    pub(super) is_compressed: bool,
    /// Whether each compressed grain follows a marker with its length.
    pub(super) has_markers: bool,
    /// Whether an entry of 1 stands for a grain of zeros.
    pub(super) marks_zeros: bool,
}

impl Grains {
    /// Parses the fields of a header. `capacity` is the size of the disk in sectors.
    pub(super) fn parse(
        bytes: &dyn ReadAt,
        fields: &[u8; SECTOR],
        capacity: u64,
    ) -> Result<Self, Fault> {
        let flags = le32(fields, 8);
        let is_compressed = parse_compression(fields, flags)?;
        let (grain, table_len) = (le64(fields, 20), u64::from(le32(fields, 44)));
        check_sizes(grain, table_len, is_compressed)?;
        let tables = capacity.div_ceil(grain * table_len);
        let directory_at = le64(fields, 56).saturating_mul(SECTOR_LEN);
        if tables > TABLES_MAX || !contains_range(bytes, directory_at, ENTRY_LEN * tables) {
            let detail =
                format!("the directory of {tables} tables at byte {directory_at} exceeds the file");
            return Err(Fault::new(FlawKind::OutsideFile, detail));
        }
        let data = le64(fields, 64);
        if data > bytes.len().div_ceil(SECTOR_LEN) {
            let detail = format!("it ends before sector {data}, where its data begins");
            return Err(Fault::new(FlawKind::Truncated, detail));
        }
        Ok(Self {
            directory_at,
            table_len,
            grain_len: grain * SECTOR_LEN,
            is_compressed,
            has_markers: flags & MARKERS != 0,
            marks_zeros: flags & ZERO_GRAINS != 0,
        })
    }
}

impl Grains {
    /// Parses the header of a sparse extent of ESX, `VMDK3Header` in QEMU's `block/vmdk.c`. Returns the
    /// length of the extent in sectors, too.
    pub(super) fn parse_cowd(
        bytes: &dyn ReadAt,
        fields: &[u8; SECTOR],
    ) -> Result<(u64, Self), Fault> {
        let number = |at| u64::from(le32(fields, at));
        let (sectors, grain, directory, tables) = (number(12), number(16), number(20), number(24));
        if !(1..=GRAIN_MAX).contains(&grain) {
            return Err(Fault::malformed(format!("grains of {grain} sectors are not allowed")));
        }
        let needed = sectors.div_ceil(grain * COWD_ENTRIES);
        let directory_at = directory * SECTOR_LEN;
        if needed > tables || !contains_range(bytes, directory_at, ENTRY_LEN * needed) {
            let detail =
                format!("the directory of {needed} tables at byte {directory_at} exceeds the file");
            return Err(Fault::new(FlawKind::OutsideFile, detail));
        }
        let grains = Self {
            directory_at,
            table_len: COWD_ENTRIES,
            grain_len: grain * SECTOR_LEN,
            is_compressed: false,
            has_markers: false,
            marks_zeros: false,
        };
        Ok((sectors, grains))
    }
}

/// Returns whether grains are compressed. Fails if the version or the method is unknown.
fn parse_compression(fields: &[u8; SECTOR], flags: u32) -> Result<bool, Fault> {
    let unknown = |detail: String| Err(Fault::new(FlawKind::UnknownFeature, detail));
    let version = le32(fields, 4);
    if version > VERSION_MAX {
        return unknown(format!(
            "the header is of version {version}, known are 1 to {VERSION_MAX}"
        ));
    }
    match le16(fields, 77) {
        NONE if flags & COMPRESSED != 0 => {
            Err(Fault::malformed("its grains are compressed, but in no way that it tells"))
        }
        NONE => Ok(false),
        DEFLATE => Ok(true),
        other => unknown(format!("its grains are compressed in the unknown way {other}")),
    }
}

/// Fails if a grain, in sectors, or a table is empty or longer than allowed.
fn check_sizes(grain: u64, table_len: u64, is_compressed: bool) -> Result<(), Fault> {
    if !(1..=ENTRIES_MAX).contains(&table_len) {
        let detail = format!("tables of {table_len} grains are not allowed");
        return Err(Fault::malformed(detail));
    }
    let most = if is_compressed { COMPRESSED_MAX } else { GRAIN_MAX };
    if !(1..=most).contains(&grain) {
        return Err(Fault::malformed(format!("grains of {grain} sectors are not allowed")));
    }
    Ok(())
}

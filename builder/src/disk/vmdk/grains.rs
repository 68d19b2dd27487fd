//! The *grains* of a sparse extent: blocks that a directory and tables lead to.

use crate::disk::bytes::{holds, le16, le32, le64};
use crate::disk::sector::{SECTOR, SECTOR_LEN};
use crate::disk::{Fault, FlawKind, ReadAt};

/// How many entries a table of grains has at most: QEMU reads no larger ones.
const ENTRIES_MAX: u64 = 512;

/// Length of an entry of a table or of the directory in bytes.
const ENTRY_LEN: u64 = 4;

/// How many sectors a grain has at most: one GiB, as in QEMU.
const GRAIN_MAX: u64 = 0x20_0000;

/// How many sectors a compressed grain has at most: two MiB. All programs make them of 64 KiB.
const COMPRESSED_MAX: u64 = 4096;

/// How many tables the directory has at most: as in QEMU.
const TABLES_MAX: u64 = 32 << 20;

/// The last version of the header that QEMU reads.
const VERSION_MAX: u32 = 3;

/// Flags: grains can be marked as zero, are compressed, have markers in front of them.
const ZERO_GRAINS: u32 = 1 << 2;
const COMPRESSED: u32 = 1 << 16;
const MARKERS: u32 = 1 << 17;

/// Where grains are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grains {
    /// Where the directory begins, the table of tables, in bytes.
    pub(super) directory: u64,
    /// How many entries a table has.
    pub(super) entries: u64,
    /// How long a grain is, in bytes.
    pub(super) len: u64,
    /// Whether they are compressed with zlib.
    pub(super) compressed: bool,
    /// Whether a marker stands in front of each that tells its length.
    pub(super) marked: bool,
    /// Whether an entry of 1 stands for a grain of zeros.
    pub(super) zeros: bool,
}

impl Grains {
    /// Parses what a header says of them; `capacity` is the length of the disk in sectors.
    pub(super) fn parse(
        bytes: &dyn ReadAt,
        fields: &[u8; SECTOR],
        capacity: u64,
    ) -> Result<Self, Fault> {
        let malformed = |detail: String| Err(Fault::malformed(detail));
        let unknown = |detail: String| Err(Fault::new(FlawKind::UnknownFeature, detail));
        let (version, flags) = (le32(fields, 4), le32(fields, 8));
        let (grain, entries) = (le64(fields, 20), u64::from(le32(fields, 44)));
        if version > VERSION_MAX {
            return unknown(format!(
                "the header is of version {version}, known are 1 to {VERSION_MAX}"
            ));
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
        let directory = le64(fields, 56).saturating_mul(SECTOR_LEN);
        if tables > TABLES_MAX || !holds(bytes, directory, ENTRY_LEN * tables) {
            let detail =
                format!("the directory of {tables} tables at byte {directory} exceeds the file");
            return Err(Fault::new(FlawKind::OutsideFile, detail));
        }
        let data = le64(fields, 64);
        if data > bytes.len().div_ceil(SECTOR_LEN) {
            let detail = format!("it ends before sector {data}, where its data begins");
            return Err(Fault::new(FlawKind::Truncated, detail));
        }
        Ok(Self {
            directory,
            entries,
            len: grain * SECTOR_LEN,
            compressed,
            marked: flags & MARKERS != 0,
            zeros: flags & ZERO_GRAINS != 0,
        })
    }
}

//! The *header* of a VDI.

use crate::disk::bytes::{holds, le32, le64, part};
use crate::disk::refusals::{needs_parent, table_exceeds_file};
use crate::disk::sector::{self, SECTOR, SECTOR_LEN};
use crate::disk::{Fault, Flaw, FlawKind, ReadAt, is_zero};

/// The length of blocks, in bytes: QEMU reads no others.
pub(super) const BLOCK: u64 = 1 << 20;

/// What stands at byte 64 of the file.
const SIGNATURE: u32 = 0xbeda_107f;

/// The version that QEMU reads: 1.1.
const VERSION: u32 = 0x0001_0001;

/// Length of an entry in the table of blocks in bytes.
const ENTRY_LEN: u64 = 4;

/// How many blocks QEMU takes at most.
const BLOCKS_MAX: u32 = 0x3fff_ffff;

/// What the header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Of the disk, in bytes.
    pub(super) virtual_size: u64,
    /// Where the table of blocks begins, in bytes.
    pub(super) table: u64,
    /// Where the first block begins, in bytes.
    pub(super) data: u64,
    /// What keeps it from being used.
    pub(super) flaws: Vec<Flaw>,
}

/// Tells whether a file that begins so is a VDI.
pub(in crate::disk) fn detect(start: &[u8]) -> bool {
    le32(start, 64) == SIGNATURE
}

impl Header {
    pub(super) fn parse(bytes: &dyn ReadAt) -> Result<Self, Fault> {
        let fields = part::<SECTOR>(bytes, 0, "the header")?;
        let number = |at| le32(&fields, at);
        let other = |detail: String| Fault::new(FlawKind::UnknownFeature, detail);
        if !detect(&fields) {
            return Err(Fault::malformed("the signature of a VDI is missing"));
        }
        if number(68) != VERSION {
            let (major, minor) = (number(68) >> 16, number(68) & 0xffff);
            return Err(other(format!("the header is of version {major}.{minor}, known is 1.1")));
        }
        if u64::from(number(360)) != SECTOR_LEN {
            return Err(other(format!(
                "its sectors are of {} bytes, not {SECTOR_LEN}",
                number(360)
            )));
        }
        if u64::from(number(376)) != BLOCK || number(380) != 0 {
            return Err(other(format!(
                "its blocks are of {} and {} bytes, known are those of {BLOCK} and 0",
                number(376),
                number(380),
            )));
        }
        let (table, data) = (u64::from(number(340)), u64::from(number(344)));
        if !table.is_multiple_of(SECTOR_LEN) || !data.is_multiple_of(SECTOR_LEN) {
            return Err(Fault::malformed(format!(
                "the table at byte {table} or the data at byte {data} begin within a sector"
            )));
        }
        let (size, blocks) = (le64(&fields, 368), number(384));
        if blocks > BLOCKS_MAX || size.div_ceil(BLOCK) > u64::from(blocks) {
            return Err(Fault::malformed(format!(
                "a disk of {size} bytes does not fit into its {blocks} blocks"
            )));
        }
        if !holds(bytes, table, ENTRY_LEN * u64::from(blocks)) {
            return Err(table_exceeds_file(blocks.into(), table).into());
        }
        let parents = fields.get(424..456).unwrap_or_default();
        let mut flaws = Vec::new();
        if !is_zero(parents) {
            flaws.push(needs_parent(None));
        }
        // QEMU rounds up odd sizes, which `VBoxManage convertfromraw` makes.
        Ok(Self { virtual_size: sector::round_up(size), table, data, flaws })
    }
}

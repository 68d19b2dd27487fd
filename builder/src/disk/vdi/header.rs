//! The *header* of a VDI.

use crate::disk::bytes::{contains_range, le32, le64, read_part};
use crate::disk::refusals::{JOIN_VDI, needs_parent, table_exceeds_file};
use crate::disk::sector::{self, SECTOR, SECTOR_LEN};
use crate::disk::{Fault, Flaw, FlawKind, ReadAt, is_zero};

/// The only length of blocks that QEMU reads, in bytes.
pub(super) const BLOCK_LEN: u64 = 1 << 20;

/// The number at byte 64 of the file.
const SIGNATURE: u32 = 0xbeda_107f;

/// The version that QEMU reads: 1.1.
const VERSION: u32 = 0x0001_0001;

/// The type of a disk that only has the differences from another (`VDI_IMAGE_TYPE_DIFF` in
/// VirtualBox's `VDICore.h`).
const DIFFERENCING: u32 = 4;

/// Length of an entry in the table of blocks in bytes.
const ENTRY_LEN: u64 = 4;

/// How many blocks QEMU accepts at most.
const BLOCKS_MAX: u32 = 0x3fff_ffff;

/// What the header declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Size of the virtual disk in bytes.
    pub(super) virtual_size: u64,
    /// Offset of the table of blocks in the file, in bytes.
    pub(super) block_table_at: u64,
    /// Offset of the first block in the file, in bytes.
    pub(super) data_at: u64,
    /// What keeps the disk from being used.
    pub(super) flaws: Vec<Flaw>,
}

/// Returns whether a file that begins with these bytes is a VDI.
pub(in crate::disk) fn detect(start: &[u8]) -> bool {
    le32(start, 64) == SIGNATURE
}

impl Header {
    pub(super) fn parse(bytes: &dyn ReadAt) -> Result<Self, Fault> {
        let fields = read_part::<SECTOR>(bytes, 0, "the header")?;
        check_supported(&fields)?;
        let number = |at| le32(&fields, at);
        let (table, data) = (u64::from(number(340)), u64::from(number(344)));
        if !table.is_multiple_of(SECTOR_LEN) || !data.is_multiple_of(SECTOR_LEN) {
            return Err(Fault::malformed(format!(
                "the table at byte {table} or the data at byte {data} begin within a sector"
            )));
        }
        let (size, blocks) = (le64(&fields, 368), number(384));
        if blocks > BLOCKS_MAX || size.div_ceil(BLOCK_LEN) > u64::from(blocks) {
            return Err(Fault::malformed(format!(
                "a disk of {size} bytes does not fit into its {blocks} blocks"
            )));
        }
        if !contains_range(bytes, table, ENTRY_LEN * u64::from(blocks)) {
            return Err(table_exceeds_file(blocks.into(), table).into());
        }
        let parents = fields.get(424..456).unwrap_or_default();
        let is_whole = is_zero(parents) && number(76) != DIFFERENCING;
        let flaws = if is_whole { Vec::new() } else { vec![needs_parent(None, JOIN_VDI)] };
        // QEMU rounds up odd sizes, which `VBoxManage convertfromraw` makes.
        let virtual_size = sector::round_up(size);
        Ok(Self { virtual_size, block_table_at: table, data_at: data, flaws })
    }
}

/// Fails unless the header is of a variant that QEMU reads.
fn check_supported(fields: &[u8; SECTOR]) -> Result<(), Fault> {
    let number = |at| le32(fields, at);
    let unknown = |detail: String| Err(Fault::new(FlawKind::UnknownFeature, detail));
    if !detect(fields) {
        return Err(Fault::malformed("the signature of a VDI is missing"));
    }
    if number(68) != VERSION {
        let (major, minor) = (number(68) >> 16, number(68) & 0xffff);
        return unknown(format!("the header is of version {major}.{minor}, known is 1.1"));
    }
    if u64::from(number(360)) != SECTOR_LEN {
        return unknown(format!("its sectors are of {} bytes, not {SECTOR_LEN}", number(360)));
    }
    if u64::from(number(376)) != BLOCK_LEN || number(380) != 0 {
        return unknown(format!(
            "its blocks are of {} and {} bytes, known are those of {BLOCK_LEN} and 0",
            number(376),
            number(380),
        ));
    }
    Ok(())
}

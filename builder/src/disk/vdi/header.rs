//! *VDI*, VirtualBox's format: a header, a table with one entry for each block, the blocks.
//!
//! Taken are the files that QEMU takes (`block/vdi.c`), since CDI converts with it.

use crate::disk::bytes::{Fault, holds, le32, le64, part};
use crate::disk::{Flaw, FlawKind, Info, ReadAt, guest};

/// The length of blocks, in bytes: QEMU reads no others.
pub(in crate::disk) const BLOCK: u64 = 1 << 20;

/// What stands at byte 64 of the file.
const SIGNATURE: u32 = 0xbeda_107f;

/// How many blocks QEMU takes at most.
const BLOCKS_MAX: u32 = 0x3fff_ffff;

/// What the header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::disk) struct Header {
    /// Of the disk, in bytes.
    pub(in crate::disk) virtual_size: u64,
    /// Where the table of blocks begins, in bytes.
    pub(in crate::disk) table: u64,
    /// Where the first block begins, in bytes.
    pub(in crate::disk) data: u64,
    /// What keeps it from being used.
    pub(in crate::disk) flaws: Vec<Flaw>,
}

/// Tells whether a file that begins so is a VDI.
fn detect(start: &[u8]) -> bool {
    le32(start, 64) == SIGNATURE
}

/// Adds what the header tells.
pub(in crate::disk) fn examine(bytes: &dyn ReadAt, info: &mut Info) -> Result<(), Fault> {
    let header = Header::parse(bytes)?;
    info.virtual_size = header.virtual_size;
    info.flaws.extend(header.flaws);
    guest::examine(bytes, info)
}

impl Header {
    pub(in crate::disk) fn parse(bytes: &dyn ReadAt) -> Result<Self, Fault> {
        let fields = part::<512>(bytes, 0, "the header")?;
        let number = |at| le32(&fields, at);
        let malformed = |detail: String| Fault::from(Flaw::new(FlawKind::Malformed, detail));
        let other = |detail: String| Fault::from(Flaw::new(FlawKind::UnknownFeature, detail));
        if !detect(&fields) {
            return Err(malformed("the signature of a VDI is missing".into()));
        }
        if number(68) != 0x0001_0001 {
            let (major, minor) = (number(68) >> 16, number(68) & 0xffff);
            return Err(other(format!("the header is of version {major}.{minor}, known is 1.1")));
        }
        if number(360) != 512 {
            return Err(other(format!("its sectors are of {} bytes, not 512", number(360))));
        }
        if u64::from(number(376)) != BLOCK || number(380) != 0 {
            return Err(other(format!(
                "its blocks are of {} and {} bytes, known are those of {BLOCK} and 0",
                number(376),
                number(380),
            )));
        }
        let (table, data) = (u64::from(number(340)), u64::from(number(344)));
        if !table.is_multiple_of(512) || !data.is_multiple_of(512) {
            return Err(malformed(format!(
                "the table at byte {table} or the data at byte {data} begin within a sector"
            )));
        }
        let (size, blocks) = (le64(&fields, 368), number(384));
        if blocks > BLOCKS_MAX || size.div_ceil(BLOCK) > u64::from(blocks) {
            return Err(malformed(format!(
                "a disk of {size} bytes does not fit into its {blocks} blocks"
            )));
        }
        if !holds(bytes, table, 4 * u64::from(blocks)) {
            let detail = format!("the table of {blocks} blocks at byte {table} exceeds the file");
            return Err(Flaw::new(FlawKind::OutsideFile, detail).into());
        }
        let parents = fields.get(424..456).unwrap_or_default();
        let mut flaws = Vec::new();
        if parents.iter().any(|byte| *byte != 0) {
            let detail = "what is not in it is in another disk, its parent";
            flaws.push(Flaw::new(FlawKind::BackingFile, detail));
        }
        // QEMU rounds up odd sizes, which `VBoxManage convertfromraw` makes.
        Ok(Self { virtual_size: size.next_multiple_of(512), table, data, flaws })
    }
}

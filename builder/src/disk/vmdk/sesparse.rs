//! *Space-efficient sparse* extents, which ESX writes from version 6 on, for snapshots above all. Their format
//! is known from QEMU's `block/vmdk.c` (`VMDKSESparseConstHeader`, `get_cluster_offset`), which is as strict.

use std::io;
use std::sync::Arc;

use super::header::SE_SPARSE;
use crate::disk::blocks::{
    BlockLocation, BlockMap, MappedDisk, TableReader, invalid_data, outside_file,
};
use crate::disk::bytes::{contains_range, le64, read_part};
use crate::disk::sector::{SECTOR, SECTOR_LEN};
use crate::disk::{Fault, FlawKind, ReadAt};

/// Magic of the header that changes.
const VOLATILE: u64 = 0xcafe_cafe;

/// How many sectors a grain has.
const GRAIN: u64 = 8;

/// How many sectors a table of grains has.
const TABLE: u64 = 64;

/// Length of an entry of a table or of the directory in bytes.
const ENTRY_LEN: u64 = 8;

/// How many grains a table has.
const TABLE_ENTRIES: u64 = TABLE * SECTOR_LEN / ENTRY_LEN;

/// The upper half of a directory's entry with a table.
const HAS_TABLE: u64 = 0x1000_0000;

/// How many sectors the disk has at most: 64 TiB, so that numbers of tables and grains do not overflow.
const CAPACITY_MAX: u64 = 1 << 37;

/// Offsets of fields of the header that does not change, in bytes.
mod at {
    pub(super) const CAPACITY: usize = 16;
    pub(super) const GRAIN: usize = 24;
    pub(super) const TABLE: usize = 32;
    pub(super) const FLAGS: usize = 40;
    pub(super) const VOLATILE_HEADER: usize = 80;
    pub(super) const DIRECTORY: usize = 128;
    pub(super) const DIRECTORY_SECTORS: usize = 136;
    pub(super) const TABLES: usize = 144;
    pub(super) const GRAINS: usize = 192;
    pub(super) const END: usize = 208;
}

/// Opens an extent.
pub(super) fn open<'a>(file: Arc<dyn ReadAt + 'a>) -> Result<MappedDisk<'a>, Fault> {
    let layout = Layout::parse(&*file)?;
    Ok(MappedDisk::new(file, |tables| SeSparseMap { layout, tables }))
}

/// Where the parts of an extent are, in bytes.
struct Layout {
    len: u64,
    directory_at: u64,
    tables_at: u64,
    grains_at: u64,
}

impl Layout {
    fn parse(file: &dyn ReadAt) -> Result<Self, Fault> {
        let header = read_part::<SECTOR>(file, 0, "the header")?;
        let unknown = |detail: &str| Err(Fault::new(FlawKind::UnknownFeature, detail));
        if !header.starts_with(SE_SPARSE) {
            return Err(Fault::malformed("an extent has no header of space-efficient sparse ones"));
        }
        if (le64(&header, at::GRAIN), le64(&header, at::TABLE)) != (GRAIN, TABLE) {
            return unknown("the grains or the tables of an extent have an unknown length");
        }
        let rest = header.get(at::FLAGS..at::VOLATILE_HEADER).into_iter().flatten();
        let padding = header.get(at::END..).into_iter().flatten();
        if rest.chain(padding).any(|byte| *byte != 0) {
            return unknown("the header of an extent has unknown flags");
        }
        check_volatile(file, offset(&header, at::VOLATILE_HEADER)?)?;
        let capacity = le64(&header, at::CAPACITY);
        if capacity > CAPACITY_MAX {
            return Err(Fault::malformed(format!("an extent of {capacity} sectors is too large")));
        }
        let (directory_at, tables) =
            (offset(&header, at::DIRECTORY)?, capacity.div_ceil(GRAIN * TABLE_ENTRIES));
        let declared = le64(&header, at::DIRECTORY_SECTORS).saturating_mul(SECTOR_LEN / ENTRY_LEN);
        if tables > declared || !contains_range(file, directory_at, tables * ENTRY_LEN) {
            let detail =
                format!("the directory of {tables} tables at byte {directory_at} exceeds the file");
            return Err(Fault::new(FlawKind::OutsideFile, detail));
        }
        Ok(Self {
            len: capacity * SECTOR_LEN,
            directory_at,
            tables_at: offset(&header, at::TABLES)?,
            grains_at: offset(&header, at::GRAINS)?,
        })
    }
}

/// Returns the offset in bytes that a field has in sectors.
fn offset(header: &[u8], field: usize) -> Result<u64, Fault> {
    let sectors = le64(header, field);
    sectors
        .checked_mul(SECTOR_LEN)
        .ok_or_else(|| Fault::malformed(format!("an extent has a part at sector {sectors}")))
}

/// Fails if the header that changes is missing, or says that the journal has to be replayed.
fn check_volatile(file: &dyn ReadAt, at: u64) -> Result<(), Fault> {
    let header = read_part::<SECTOR>(file, at, "the volatile header")?;
    if le64(&header, 0) != VOLATILE {
        return Err(Fault::malformed("the volatile header of an extent is damaged"));
    }
    if le64(&header, 24) != 0 {
        let detail = "the journal of an extent has to be replayed, which only ESX does";
        return Err(Fault::new(FlawKind::Unsupported, detail));
    }
    Ok(())
}

/// The tables of an extent.
struct SeSparseMap<'a> {
    layout: Layout,
    tables: TableReader<'a>,
}

impl SeSparseMap<'_> {
    /// Returns the offset of a table in bytes; nothing if none of its grains are in the file.
    fn find_table(&self, number: u64) -> io::Result<Option<u64>> {
        let entry =
            self.tables.read_entry("directory of grains", self.layout.directory_at, number)?;
        let entry = u64::from_le_bytes(entry);
        match (entry >> 32, entry & 0xffff_ffff) {
            (0, 0) => Ok(None),
            // The product has 47 bits at most.
            (HAS_TABLE, index) => {
                let at = self.layout.tables_at.checked_add(index * TABLE * SECTOR_LEN);
                Ok(Some(at.ok_or_else(|| outside_file("table of grains", number, u64::MAX))?))
            }
            _ => Err(invalid_data(format!(
                "entry {number} of the directory of grains is {entry:#x}"
            ))),
        }
    }
}

impl BlockMap for SeSparseMap<'_> {
    fn len(&self) -> u64 {
        self.layout.len
    }

    fn block_len(&self) -> u64 {
        GRAIN * SECTOR_LEN
    }

    fn locate_block(&self, index: u64) -> io::Result<BlockLocation> {
        let (number, within) = (index / TABLE_ENTRIES, index % TABLE_ENTRIES);
        let Some(table) = self.find_table(number)? else {
            return Ok(BlockLocation::Absent(TABLE_ENTRIES - within));
        };
        let entry = u64::from_le_bytes(self.tables.read_entry("table of grains", table, within)?);
        match entry >> 60 {
            0 if entry == 0 => Ok(BlockLocation::Absent(1)),
            // Unmapped by the guest, and zero.
            1 | 2 => Ok(BlockLocation::Zero(1)),
            3 => {
                let grain = (entry >> 48 & 0xfff) | (entry & 0xffff_ffff_ffff) << 12;
                let at = grain
                    .checked_mul(self.block_len())
                    .and_then(|skip| self.layout.grains_at.checked_add(skip))
                    .filter(|at| *at < self.tables.file().len());
                at.map(BlockLocation::At).ok_or_else(|| outside_file("grain", index, grain))
            }
            _ => Err(invalid_data(format!("entry {within} of a table of grains is {entry:#x}"))),
        }
    }
}

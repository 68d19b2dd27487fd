//! The *map* of a dynamic VHD: the locations of its blocks.

use std::io;

use super::header::BlockTable;
use crate::disk::blocks::{BlockLocation, BlockMap, TableReader, outside_file};
use crate::disk::sector::SECTOR_LEN;

/// Entry of a block that is not allocated.
const NONE: u32 = 0xffff_ffff;

/// The table of a dynamic VHD.
///
/// The bitmap of written sectors in front of each block is ignored, as in QEMU: a new block is filled
/// with zeros.
pub(super) struct VhdMap<'a> {
    len: u64,
    table: BlockTable,
    tables: TableReader<'a>,
}

impl<'a> VhdMap<'a> {
    pub(super) fn new(tables: TableReader<'a>, len: u64, table: BlockTable) -> Self {
        Self { len, table, tables }
    }
}

impl BlockMap for VhdMap<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn block_len(&self) -> u64 {
        self.table.block_len
    }

    fn locate_block(&self, index: u64) -> io::Result<BlockLocation> {
        let entry = self.tables.read_entry("table of blocks", self.table.at, index)?;
        let entry = u32::from_be_bytes(entry);
        if entry == NONE {
            return Ok(BlockLocation::Zero(1));
        }
        let at = u64::from(entry) * SECTOR_LEN + self.table.bitmap_len();
        if at + self.table.block_len > self.tables.file().len() {
            return Err(outside_file("block", index, at));
        }
        Ok(BlockLocation::At(at))
    }
}

//! The *map* of a VDI: the locations of its blocks.

use std::io;

use super::header::{BLOCK_LEN, Header};
use crate::disk::blocks::{BlockLocation, BlockMap, TableReader, outside_file};

/// Smallest entry that is not a block: entries of discarded and of unallocated blocks.
const NONE: u32 = 0xffff_fffe;

/// The table of a VDI.
pub(super) struct VdiMap<'a> {
    header: Header,
    tables: TableReader<'a>,
}

impl<'a> VdiMap<'a> {
    pub(super) fn new(tables: TableReader<'a>, header: Header) -> Self {
        Self { header, tables }
    }
}

impl BlockMap for VdiMap<'_> {
    fn len(&self) -> u64 {
        self.header.virtual_size
    }

    fn block_len(&self) -> u64 {
        BLOCK_LEN
    }

    fn locate_block(&self, index: u64) -> io::Result<BlockLocation> {
        let entry = self.tables.read_entry("table of blocks", self.header.block_table_at, index)?;
        let entry = u32::from_le_bytes(entry);
        if entry >= NONE {
            return Ok(BlockLocation::Zero(1));
        }
        let at = self.header.data_at.saturating_add(u64::from(entry) * BLOCK_LEN);
        if at >= self.tables.file().len() {
            return Err(outside_file("block", index, at));
        }
        Ok(BlockLocation::At(at))
    }
}

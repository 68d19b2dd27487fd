//! The *map* of a VHDX: the locations of its blocks.

use std::io;

use super::header::Header;
use crate::disk::blocks::{BlockLocation, BlockMap, TableReader, invalid_data, outside_file};

/// The table of a VHDX.
pub(super) struct VhdxMap<'a> {
    header: Header,
    tables: TableReader<'a>,
}

impl<'a> VhdxMap<'a> {
    pub(super) fn new(tables: TableReader<'a>, header: Header) -> Self {
        Self { header, tables }
    }
}

impl BlockMap for VhdxMap<'_> {
    fn len(&self) -> u64 {
        self.header.virtual_size
    }

    fn block_len(&self) -> u64 {
        self.header.block_len
    }

    fn locate_block(&self, index: u64) -> io::Result<BlockLocation> {
        let entry = index + index / self.header.chunk_ratio.max(1);
        let entry = self.tables.read_entry("table of blocks", self.header.block_table_at, entry)?;
        let entry = u64::from_le_bytes(entry);
        let (state, at) = (entry & 7, entry & !0xf_ffff);
        match state {
            // States: not present, undefined, zero, and unmapped in two versions of the format.
            0 | 1 | 2 | 3 | 5 => Ok(BlockLocation::Zero(1)),
            6 if at < self.tables.file().len() => Ok(BlockLocation::At(at)),
            6 => Err(outside_file("block", index, at)),
            _ => Err(invalid_data(format!("block {index} is in the unknown state {state}"))),
        }
    }
}

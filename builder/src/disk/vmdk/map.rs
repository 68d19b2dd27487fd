//! The *map* of a VMDK: the locations of its grains.

use std::io;

use super::grains::Grains;
use crate::disk::blocks::{
    BlockCodec, BlockLocation, BlockMap, CompressedBlock, TableReader, outside_file,
};
use crate::disk::sector::SECTOR_LEN;

/// The tables of a VMDK.
pub(super) struct VmdkMap<'a> {
    len: u64,
    grains: Grains,
    tables: TableReader<'a>,
}

impl<'a> VmdkMap<'a> {
    pub(super) fn new(tables: TableReader<'a>, len: u64, grains: Grains) -> Self {
        Self { len, grains, tables }
    }

    fn grain_codec(&self) -> BlockCodec {
        if self.grains.has_markers {
            BlockCodec::Grain
        } else {
            BlockCodec::Zlib(self.grains.grain_len)
        }
    }
}

impl BlockMap for VmdkMap<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn block_len(&self) -> u64 {
        self.grains.grain_len
    }

    fn locate_block(&self, index: u64) -> io::Result<BlockLocation> {
        let (number, within) = (index / self.grains.table_len, index % self.grains.table_len);
        let table =
            self.tables.read_entry("directory of grains", self.grains.directory_at, number)?;
        let table = u64::from(u32::from_le_bytes(table)) * SECTOR_LEN;
        if table == 0 {
            return Ok(BlockLocation::Zero(self.grains.table_len - within));
        }
        let entry = u32::from_le_bytes(self.tables.read_entry("table of grains", table, within)?);
        if entry == 0 || (entry == 1 && self.grains.marks_zeros) {
            return Ok(BlockLocation::Zero(1));
        }
        let at = u64::from(entry) * SECTOR_LEN;
        if at >= self.tables.file().len() {
            return Err(outside_file("grain", index, at));
        }
        if !self.grains.is_compressed {
            return Ok(BlockLocation::At(at));
        }
        let (start, len) = (index * self.grains.grain_len, self.grains.grain_len);
        Ok(BlockLocation::Compressed(CompressedBlock { start, len, at, codec: self.grain_codec() }))
    }
}

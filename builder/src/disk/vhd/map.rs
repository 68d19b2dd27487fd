//! Where the blocks of a dynamic VHD lie.

use std::io;

use crate::disk::blocks::mapped::{Map, Place};
use crate::disk::blocks::tables::Tables;
use crate::disk::guest::invalid;
use crate::disk::vhd::{SECTOR, Table};

/// What stands for a block that is not there.
const NONE: u32 = 0xffff_ffff;

/// The table of a dynamic VHD.
///
/// The bitmap in front of each block, of the sectors that have been written, is passed over, as
/// QEMU does: who makes a block fills it with zeros.
pub(in crate::disk) struct Vhd<'a> {
    len: u64,
    table: Table,
    tables: Tables<'a>,
}

impl<'a> Vhd<'a> {
    pub(in crate::disk) fn new(tables: Tables<'a>, len: u64, table: Table) -> Self {
        Self { len, table, tables }
    }
}

impl Map for Vhd<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn block(&self) -> u64 {
        self.table.block
    }

    fn find(&self, index: u64) -> io::Result<Place> {
        let entry = self.tables.entry("table of blocks", self.table.at, index)?;
        let entry = u32::from_be_bytes(entry);
        if entry == NONE {
            return Ok(Place::Nowhere(1));
        }
        let at = u64::from(entry) * SECTOR + self.table.bitmap();
        if at + self.table.block > self.tables.file().len() {
            return Err(invalid(format!("block {index} at byte {at} lies outside the file")));
        }
        Ok(Place::At(at))
    }
}

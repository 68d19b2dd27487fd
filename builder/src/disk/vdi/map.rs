//! Where the blocks of a VDI lie.

use std::io;

use crate::disk::blocks::mapped::{Map, Place};
use crate::disk::blocks::tables::Tables;
use crate::disk::guest::invalid;
use crate::disk::vdi::{BLOCK, Header};

/// The least entry that is no block: discarded blocks, and such that never were.
const NONE: u32 = 0xffff_fffe;

/// The table of a VDI.
pub(in crate::disk) struct Vdi<'a> {
    header: Header,
    tables: Tables<'a>,
}

impl<'a> Vdi<'a> {
    pub(in crate::disk) fn new(tables: Tables<'a>, header: Header) -> Self {
        Self { header, tables }
    }
}

impl Map for Vdi<'_> {
    fn len(&self) -> u64 {
        self.header.virtual_size
    }

    fn block(&self) -> u64 {
        BLOCK
    }

    fn find(&self, index: u64) -> io::Result<Place> {
        let entry = self.tables.entry("table of blocks", self.header.table, index)?;
        let entry = u32::from_le_bytes(entry);
        if entry >= NONE {
            return Ok(Place::Nowhere(1));
        }
        let at = self.header.data.saturating_add(u64::from(entry) * BLOCK);
        if at >= self.tables.file().len() {
            return Err(invalid(format!("block {index} at byte {at} lies outside the file")));
        }
        Ok(Place::At(at))
    }
}

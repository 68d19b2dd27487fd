//! Where the blocks of a VHDX lie.

use std::io;

use crate::disk::blocks::mapped::{Map, Place};
use crate::disk::blocks::tables::Tables;
use crate::disk::guest::invalid;
use crate::disk::vhdx::Header;

/// The table of a VHDX.
pub(in crate::disk) struct Vhdx<'a> {
    header: Header,
    tables: Tables<'a>,
}

impl<'a> Vhdx<'a> {
    pub(in crate::disk) fn new(tables: Tables<'a>, header: Header) -> Self {
        Self { header, tables }
    }
}

impl Map for Vhdx<'_> {
    fn len(&self) -> u64 {
        self.header.virtual_size
    }

    fn block(&self) -> u64 {
        self.header.block
    }

    fn find(&self, index: u64) -> io::Result<Place> {
        let entry = index + index / self.header.ratio.max(1);
        let entry = self.tables.entry("table of blocks", self.header.table, entry)?;
        let entry = u64::from_le_bytes(entry);
        let (state, at) = (entry & 7, entry & !0xf_ffff);
        match state {
            // Not there, undefined, zero, and unmapped by two versions of the format.
            0 | 1 | 2 | 3 | 5 => Ok(Place::Nowhere(1)),
            6 if at < self.tables.file().len() => Ok(Place::At(at)),
            6 => Err(invalid(format!("block {index} at byte {at} lies outside the file"))),
            _ => Err(invalid(format!("block {index} is in the unknown state {state}"))),
        }
    }
}

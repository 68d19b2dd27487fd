//! Where the grains of a VMDK lie.

use std::io;

use crate::disk::blocks::compressed::{Codec, Packed};
use crate::disk::blocks::mapped::{Map, Place};
use crate::disk::blocks::tables::Tables;
use crate::disk::guest::invalid;
use crate::disk::vmdk::{Grains, SECTOR};

/// The tables of a VMDK.
pub(in crate::disk) struct Vmdk<'a> {
    len: u64,
    grains: Grains,
    tables: Tables<'a>,
}

impl<'a> Vmdk<'a> {
    pub(in crate::disk) fn new(tables: Tables<'a>, len: u64, grains: Grains) -> Self {
        Self { len, grains, tables }
    }

    fn codec(&self) -> Codec {
        if self.grains.marked { Codec::Grain } else { Codec::Zlib(self.grains.len) }
    }
}

impl Map for Vmdk<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn block(&self) -> u64 {
        self.grains.len
    }

    fn find(&self, index: u64) -> io::Result<Place> {
        let (number, within) = (index / self.grains.entries, index % self.grains.entries);
        let table = self.tables.entry("directory of grains", self.grains.directory, number)?;
        let table = u64::from(u32::from_le_bytes(table)) * SECTOR;
        if table == 0 {
            return Ok(Place::Nowhere(self.grains.entries - within));
        }
        let entry = u32::from_le_bytes(self.tables.entry("table of grains", table, within)?);
        if entry == 0 || (entry == 1 && self.grains.zeros) {
            return Ok(Place::Nowhere(1));
        }
        let at = u64::from(entry) * SECTOR;
        if at >= self.tables.file().len() {
            return Err(invalid(format!("grain {index} at byte {at} lies outside the file")));
        }
        if !self.grains.compressed {
            return Ok(Place::At(at));
        }
        let (start, len) = (index * self.grains.len, self.grains.len);
        Ok(Place::Packed(Packed { start, len, at, codec: self.codec() }))
    }
}

//! *VHD*, Virtual PC's and Azure's format: a footer behind the disk itself (fixed), or in front a
//! copy of it and a table with one entry for each block (dynamic, differencing).
//!
//! Sources: Microsoft's *Virtual Hard Disk Image Format Specification* (2006), and QEMU's
//! `block/vpc.c` for the size of a disk.

mod header;
mod map;
#[cfg(test)]
pub(super) mod tests;

use std::sync::Arc;

use self::header::{BlockTable, Header};
use self::map::VhdMap;
use super::blocks::MappedDisk;
use super::raw::FlatDisk;
use super::refusals::refuse_first;
use super::{DiskInfo, Fault, Flaw, FlawKind, ReadAt};

pub(super) use self::header::{detect, is_fixed};

/// Adds what footer, header and table declare.
pub(super) fn examine(bytes: &dyn ReadAt, info: &mut DiskInfo) -> Result<(), Fault> {
    let Header { virtual_size, table, flaws } = Header::parse(bytes)?;
    if let Some(table) = table {
        return map_dynamic_disk(Arc::new(bytes), virtual_size, table).examine(info, flaws);
    }
    info.virtual_size = virtual_size;
    let detail = "its footer is for KubeVirt and CDI the last sector of a raw disk";
    info.flaws.push(Flaw::new(FlawKind::CdiOnly, detail));
    info.flaws.extend(flaws);
    Ok(())
}

/// Opens the disk in a file. Fails if the disk needs more than this file.
pub(super) fn open<'a>(file: Arc<dyn ReadAt + 'a>) -> Result<Box<dyn ReadAt + 'a>, Fault> {
    let header = Header::parse(&*file)?;
    refuse_first(&header.flaws)?;
    Ok(match header.table {
        None => Box::new(FlatDisk::new(file, header.virtual_size)),
        Some(table) => Box::new(map_dynamic_disk(file, header.virtual_size, table)),
    })
}

fn map_dynamic_disk<'a>(file: Arc<dyn ReadAt + 'a>, len: u64, table: BlockTable) -> MappedDisk<'a> {
    MappedDisk::new(file, |tables| VhdMap::new(tables, len, table))
}

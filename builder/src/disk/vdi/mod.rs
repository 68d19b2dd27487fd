//! *VDI*, VirtualBox's format: a header, a table with one entry for each block, and the blocks.
//!
//! The files that QEMU accepts (`block/vdi.c`) are accepted, since CDI converts with QEMU.
//!
//! - `header`: what the header declares
//! - `map`: the locations of the blocks

mod header;
mod map;
#[cfg(test)]
pub(super) mod tests;

use std::sync::Arc;

use self::header::Header;
use self::map::VdiMap;
use super::blocks::MappedDisk;
use super::refusals::refuse_first;
use super::{DiskInfo, Fault, ReadAt};

pub(super) use self::header::detect;

/// Adds what header and table declare.
pub(super) fn examine(bytes: &dyn ReadAt, info: &mut DiskInfo) -> Result<(), Fault> {
    let header = Header::parse(bytes)?;
    let flaws = header.flaws.clone();
    map_disk(Arc::new(bytes), header).examine(info, flaws)
}

/// Opens the disk in a file. Fails if the disk needs more than this file.
pub(super) fn open<'a>(file: Arc<dyn ReadAt + 'a>) -> Result<MappedDisk<'a>, Fault> {
    let header = Header::parse(&*file)?;
    refuse_first(&header.flaws)?;
    Ok(map_disk(file, header))
}

fn map_disk<'a>(file: Arc<dyn ReadAt + 'a>, header: Header) -> MappedDisk<'a> {
    MappedDisk::new(file, |tables| VdiMap::new(tables, header))
}

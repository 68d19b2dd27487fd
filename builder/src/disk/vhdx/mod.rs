//! *VHDX*, Hyper-V's format: two headers with checksums, a log, and two regions, which hold the
//! metadata and a table with one entry for each block.
//!
//! Sources: Microsoft's *[MS-VHDX]*, and QEMU's `block/vhdx.c` for what CDI can convert.
//!
//! - `header`: the headers, which lead to everything else
//! - `log`: changes that may not be in the tables yet; `replay` applies those that `ring` finds
//! - `regions`, `metadata`: the location of the table of blocks, and the sizes of disk and blocks
//! - `section`: what headers and tables have in common
//! - `map`: the locations of the blocks

mod header;
mod log;
mod map;
mod metadata;
mod regions;
mod replay;
mod ring;
mod section;
#[cfg(test)]
pub(super) mod tests;

use std::sync::Arc;

use self::header::Header;
use self::map::VhdxMap;
use super::blocks::MappedDisk;
use super::refusals::refuse_first;
use super::{DiskInfo, Fault, ReadAt};

pub(super) use self::header::detect;
pub(super) use self::replay::replay_log;

/// Adds what headers and tables declare.
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
    MappedDisk::new(file, |tables| VhdxMap::new(tables, header))
}

//! *VMDK*, VMware's format: a text that describes the disk, its *descriptor*, and *extents*. Both are
//! in one file, which is sparse (tables of grains) or a stream (compressed grains, and the header
//! again at the end), or each is a file of its own.
//!
//! Sources: VMware's *Virtual Disk Format 5.0*, and QEMU's `block/vmdk.c`.
//!
//! - `header`: the headers of a file
//! - `descriptor`: the text
//! - `grains`: the blocks of a sparse extent
//! - `map`: the locations of the grains
//! - `sesparse`: extents of ESX from version 6 on
//! - `split`: disks whose descriptor and extents are files of their own

mod descriptor;
mod grains;
mod header;
mod map;
mod sesparse;
mod split;
#[cfg(test)]
pub(super) mod tests;

use std::sync::Arc;

use self::grains::Grains;
use self::header::Header;
use self::map::VmdkMap;
use super::blocks::MappedDisk;
use super::refusals::refuse_first;
use super::{DiskInfo, Fault, ReadAt};

pub(super) use self::header::detect;
pub(super) use self::split::{is_descriptor, open_split};

/// Adds what headers, descriptor and tables declare.
pub(super) fn examine(bytes: &dyn ReadAt, info: &mut DiskInfo) -> Result<(), Fault> {
    let Header { virtual_size, grains, flaws } = Header::parse(bytes)?;
    let Some(grains) = grains else {
        info.virtual_size = virtual_size;
        info.flaws.extend(flaws);
        return Ok(());
    };
    if grains.is_compressed {
        info.cluster_compression = Some("deflate");
    }
    map_disk(Arc::new(bytes), virtual_size, grains).examine(info, flaws)
}

/// Opens the disk in a file. Fails if the disk needs more than this file; returns `None` if the file
/// has no data.
pub(super) fn open<'a>(file: Arc<dyn ReadAt + 'a>) -> Result<Option<MappedDisk<'a>>, Fault> {
    let header = Header::parse(&*file)?;
    refuse_first(&header.flaws)?;
    Ok(header.grains.map(|grains| map_disk(file, header.virtual_size, grains)))
}

fn map_disk<'a>(file: Arc<dyn ReadAt + 'a>, len: u64, grains: Grains) -> MappedDisk<'a> {
    MappedDisk::new(file, |tables| VmdkMap::new(tables, len, grains))
}

//! *VDI*, VirtualBox's format: a header, a table with one entry for each block, the blocks.
//!
//! Accepted are the files that QEMU accepts (`block/vdi.c`), since CDI converts with it.

mod header;
mod map;
#[cfg(test)]
pub(super) mod tests;

use std::sync::Arc;

use self::header::Header;
use self::map::VdiMap;
use super::blocks::MappedDisk;
use super::refusals::refuse_first;
use super::{Fault, Info, ReadAt};

pub(super) use self::header::detect;

/// Adds what header and table say.
pub(super) fn examine(bytes: &dyn ReadAt, info: &mut Info) -> Result<(), Fault> {
    let header = Header::parse(bytes)?;
    info.virtual_size = header.virtual_size;
    info.flaws.extend_from_slice(&header.flaws);
    if header.flaws.is_empty() {
        disk(Arc::new(bytes), header).examine(info)?;
    }
    Ok(())
}

/// Opens the disk in a file; fails if it needs more than the file.
pub(super) fn open<'a>(file: Arc<dyn ReadAt + 'a>) -> Result<MappedDisk<'a>, Fault> {
    let header = Header::parse(&*file)?;
    refuse_first(&header.flaws)?;
    Ok(disk(file, header))
}

fn disk<'a>(file: Arc<dyn ReadAt + 'a>, header: Header) -> MappedDisk<'a> {
    MappedDisk::new(file, |tables| VdiMap::new(tables, header))
}

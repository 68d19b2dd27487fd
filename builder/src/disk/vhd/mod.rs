//! *VHD*, Virtual PC's and Azure's format: a footer behind the disk itself (fixed), or in front a
//! copy of it and a table with one entry for each block (dynamic, differencing).
//!
//! Sources: Microsoft's *Virtual Hard Disk Image Format Specification* (2006), and QEMU's
//! `block/vpc.c` for how large a disk is.

mod header;
mod map;
#[cfg(test)]
pub(super) mod tests;

use std::sync::Arc;

use self::header::{Header, Table};
use self::map::VhdMap;
use super::blocks::MappedDisk;
use super::raw::FlatDisk;
use super::refusals::refuse_first;
use super::{Fault, Flaw, FlawKind, Info, ReadAt};

pub(super) use self::header::{detect, is_fixed};

/// Adds what footer, header and table say.
pub(super) fn examine(bytes: &dyn ReadAt, info: &mut Info) -> Result<(), Fault> {
    let Header { virtual_size, table, flaws } = Header::parse(bytes)?;
    info.virtual_size = virtual_size;
    match table {
        None => {
            let detail = "its footer is for KubeVirt and CDI the last sector of a raw disk";
            info.flaws.push(Flaw::new(FlawKind::CdiOnly, detail));
        }
        Some(table) if flaws.is_empty() => {
            dynamic(Arc::new(bytes), virtual_size, table).examine(info)?;
        }
        Some(_) => {}
    }
    info.flaws.extend(flaws);
    Ok(())
}

/// Opens the disk in a file; fails if it needs more than the file.
pub(super) fn open<'a>(file: Arc<dyn ReadAt + 'a>) -> Result<Box<dyn ReadAt + 'a>, Fault> {
    let header = Header::parse(&*file)?;
    refuse_first(&header.flaws)?;
    Ok(match header.table {
        None => Box::new(FlatDisk::new(file, header.virtual_size)),
        Some(table) => Box::new(dynamic(file, header.virtual_size, table)),
    })
}

fn dynamic<'a>(file: Arc<dyn ReadAt + 'a>, len: u64, table: Table) -> MappedDisk<'a> {
    MappedDisk::new(file, |tables| VhdMap::new(tables, len, table))
}

//! *qcow2*, QEMU's format: a header, then tables with the locations of the clusters of the virtual disk
//! in the file.
//!
//! Sources: QEMU's `docs/interop/qcow2.rst`, and `qcow2_do_open` in `block/qcow2.c` (10.0) for what
//! QEMU refuses.
//!
//! - `header`: the fields of the header; `extensions`: later additions to it; it is read by `parse`,
//!   written by `encode`
//! - `flaws`: flaws that the header declares
//! - `check`: flaws of the tables, as far as they are available: overlapping `regions`, and the
//!   `allocation` of clusters
//! - `entry`: the entries of tables
//! - `map`: the locations of the clusters
//! - `enlarge`: the changes of a file whose disk gets larger

mod allocation;
mod check;
mod encode;
mod enlarge;
mod entry;
mod extensions;
mod flaws;
mod header;
mod map;
mod parse;
mod regions;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::map::Qcow2Map;
use super::blocks::MappedDisk;
use super::refusals::refuse_first;
use super::{Fault, FlawKind, ReadAt};

pub(super) use self::check::examine;
pub(super) use self::enlarge::{enlarge_in_place, find_compression};
pub(super) use self::entry::{COPIED, CompressedCluster, ENTRY, ENTRY_LEN};
use self::header::Qcow2BackingFile;
pub(crate) use self::header::Qcow2Table;
pub(super) use self::header::{
    COMPRESSION_TYPE, HEADER_LEN, L1_LEN_MAX, MAGIC, REFCOUNT_ORDER, VERSION_3, detect,
};
pub use self::header::{Qcow2Compression, Qcow2Encryption, Qcow2Header};

/// Opens the disk in a file, with the one that is read where the file has no data.
pub(super) fn open_overlay<'a>(
    file: Arc<dyn ReadAt + 'a>,
    backing: Arc<dyn ReadAt + 'a>,
) -> Result<MappedDisk<'a>, Fault> {
    let header = Qcow2Header::read(&*file)?;
    let mut flaws = header.flaws();
    flaws.retain(|flaw| flaw.kind.prevents_reading() && flaw.kind != FlawKind::BackingFile);
    refuse_first(&flaws)?;
    Ok(MappedDisk::new(file, |tables| Qcow2Map::new(tables, header)).with_backing(backing))
}

/// Returns the backing file of a disk, if it has one.
pub(super) fn backing_file(file: &dyn ReadAt) -> Result<Option<Qcow2BackingFile>, Fault> {
    Ok(Qcow2Header::read(file)?.backing_file)
}

/// Opens the disk in a file. Fails if the disk needs more than this file.
pub(super) fn open<'a>(file: Arc<dyn ReadAt + 'a>) -> Result<MappedDisk<'a>, Fault> {
    let header = Qcow2Header::read(&*file)?;
    let mut flaws = header.flaws();
    flaws.retain(|flaw| flaw.kind.prevents_reading());
    refuse_first(&flaws)?;
    Ok(MappedDisk::new(file, |tables| Qcow2Map::new(tables, header)))
}

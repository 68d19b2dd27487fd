//! *Split* VMDKs: a descriptor in a file of its own, and the extents that it names (*Virtual Disk
//! Format 5.0*; `vmdk_parse_extents` in QEMU's `block/vmdk.c`).

use std::sync::Arc;

use super::descriptor::{Descriptor, DescriptorExtent};
use super::grains::Grains;
use super::header::{COWD, Header, SPARSE};
use super::{map_disk, sesparse};
use crate::disk::bytes::read_padded;
use crate::disk::files::DiskFiles;
use crate::disk::joined::{Joined, JoinedPart};
use crate::disk::refusals::refuse_first;
use crate::disk::sector::{SECTOR, SECTOR_LEN};
use crate::disk::{Fault, FlawKind, ReadAt};

/// How many extents a disk has at most: those of 2 TiB in files of 2 GB.
const EXTENTS_MAX: usize = 1024;

/// Returns whether a file is only the descriptor of a disk, whose data is in other files.
pub(in crate::disk) fn is_descriptor(bytes: &dyn ReadAt) -> bool {
    let start = read_padded::<SECTOR>(bytes, 0);
    start.is_ok_and(|start| super::descriptor::detect(&start))
}

/// Opens the disk that a descriptor describes.
pub(in crate::disk) fn open_split<'a>(
    bytes: &dyn ReadAt,
    files: &mut dyn DiskFiles<'a>,
) -> Result<Arc<dyn ReadAt + 'a>, Fault> {
    let descriptor = Descriptor::read(bytes, 0, bytes.len())?;
    // The sum of the lengths does not overflow.
    descriptor.virtual_size()?;
    refuse_first(&descriptor.whole_flaws())?;
    let count = descriptor.writable().count();
    if count > EXTENTS_MAX {
        let detail = format!("it has {count} extents, and at most {EXTENTS_MAX} are read");
        return Err(Fault::new(FlawKind::Unsupported, detail));
    }
    let parts = descriptor.writable().map(|extent| open_extent(extent, files));
    Ok(Arc::new(Joined::new(parts.collect::<Result<Vec<_>, _>>()?)))
}

fn open_extent<'a>(
    extent: &DescriptorExtent,
    files: &mut dyn DiskFiles<'a>,
) -> Result<JoinedPart<'a>, Fault> {
    let name = extent.file_name.escape_debug();
    let len = extent.sectors * SECTOR_LEN;
    let (file, offset) = match extent.kind.as_str() {
        "FLAT" | "VMFS" => {
            let offset = extent.offset.saturating_mul(SECTOR_LEN);
            (files.open(&extent.file_name)?, offset)
        }
        "SPARSE" | "VMFSSPARSE" => (open_sparse(files.open(&extent.file_name)?, &name)?, 0),
        "SESPARSE" => (Arc::new(sesparse::open(files.open(&extent.file_name)?)?) as _, 0),
        kind => {
            let detail = format!("its extent `{name}` is of the kind {}", kind.escape_debug());
            return Err(Fault::new(FlawKind::Unsupported, detail));
        }
    };
    let end = offset.saturating_add(len);
    if end > file.len() {
        let detail = format!("its extent `{name}` has {} bytes, and {end} are needed", file.len());
        return Err(Fault::new(FlawKind::Truncated, detail));
    }
    Ok(JoinedPart { file, offset, len })
}

/// Opens an extent in which grains are found through tables.
fn open_sparse<'a>(
    file: Arc<dyn ReadAt + 'a>,
    name: &dyn std::fmt::Display,
) -> Result<Arc<dyn ReadAt + 'a>, Fault> {
    let start: [u8; SECTOR] = read_padded(&*file, 0)?;
    if start.starts_with(COWD) {
        let (sectors, grains) = Grains::parse_cowd(&*file, &start)?;
        return Ok(Arc::new(map_disk(file, sectors * SECTOR_LEN, grains)));
    }
    let header = if start.starts_with(SPARSE) { Some(Header::parse(&*file)?) } else { None };
    match header.and_then(|header| Some((header.virtual_size, header.grains?))) {
        Some((size, grains)) => Ok(Arc::new(map_disk(file, size, grains))),
        None => Err(Fault::malformed(format!("its extent `{name}` is no sparse extent"))),
    }
}

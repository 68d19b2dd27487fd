//! *Checking* a qcow2 file for flaws; its tables are followed as far as they are available.

use super::allocation::count_allocated;
use super::entry::ENTRY;
use super::header::{Qcow2Compression, Qcow2Header, Qcow2Table};
use super::regions::{REFCOUNTS, check_aligned, find_regions};
use crate::disk::bytes::{be64, fill_part};
use crate::disk::refusals::never_written;
use crate::disk::sector::round_down;
use crate::disk::{DiskInfo, Fault, ReadAt};

/// Examines a qcow2 file.
pub(in crate::disk) fn examine(bytes: &dyn ReadAt, info: &mut DiskInfo) -> Result<(), Fault> {
    let header = Qcow2Header::read(bytes)?;
    info.virtual_size = header.virtual_size();
    info.cluster_compression = Some(match header.compression {
        Qcow2Compression::Zlib => "zlib",
        Qcow2Compression::Zstd => "zstd",
    });
    info.flaws.extend(header.flaws());
    let regions = find_regions(bytes, &header)?;
    check_refcount_blocks(bytes, &header)?;
    if header.has_data_file() || header.unknown_incompatible() != 0 {
        return Ok(()); // The entries of its tables may mean something else.
    }
    info.allocated = count_allocated(bytes, &header, &regions)?;
    if info.allocated == Some(0) && header.backing_file.is_none() {
        info.flaws.push(never_written());
    }
    Ok(())
}

/// Checks that the blocks of reference counts are inside the file.
fn check_refcount_blocks(bytes: &dyn ReadAt, header: &Qcow2Header) -> Result<(), Fault> {
    let name = "a block of reference counts";
    let mut space = [0; 4096];
    let Qcow2Table { at, .. } = header.refcounts;
    let len = header.refcounts.len();
    for start in (0..len).step_by(space.len()) {
        let space = &mut space[..usize::try_from(len - start).unwrap_or(usize::MAX).min(4096)];
        if let Err(fault) = fill_part(bytes, space, at + start, REFCOUNTS) {
            return fault.into_flaw(bytes)?.map_or(Ok(()), |flaw| Err(flaw.into()));
        }
        for entry in space.chunks_exact(ENTRY) {
            // The lowest nine bits are reserved.
            let block = round_down(be64(entry, 0));
            check_aligned(header, name, block)?;
            if block >= bytes.len() {
                return Err(Fault::outside_file(bytes, name, block));
            }
        }
    }
    Ok(())
}

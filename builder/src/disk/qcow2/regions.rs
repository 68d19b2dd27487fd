//! The *regions* of a qcow2 file that its header refers to: tables, none of which may overlap
//! another.

use std::ops::Range;

use super::header::{Qcow2Header, Qcow2Table};
use crate::disk::bytes::contains_range;
use crate::disk::{Fault, FlawKind, ReadAt};

/// Maximum number of snapshots that QEMU accepts: `QCOW_MAX_SNAPSHOTS` in `block/qcow2.h`.
const SNAPSHOTS_MAX: u32 = 65536;

/// Length of the fields of a snapshot, in entries of a table; the rest of a snapshot is optional.
const SNAPSHOT_ENTRIES: u32 = 5;

/// Nouns for tables in messages.
pub(super) const REFCOUNTS: &str = "its table of reference counts";
pub(super) const L1: &str = "its L1 table";

/// A range of a file, and a noun for it.
pub(super) type Region = (Range<u64>, &'static str);

/// Returns the regions of the tables that the header refers to; fails if they overlap.
pub(super) fn find_regions(bytes: &dyn ReadAt, header: &Qcow2Header) -> Result<Vec<Region>, Fault> {
    if header.refcounts.is_empty() {
        return Err(Fault::malformed("it has no table of reference counts"));
    }
    if header.snapshot_count > SNAPSHOTS_MAX {
        return Err(Fault::malformed(format!(
            "its header declares {} snapshots",
            header.snapshot_count
        )));
    }
    let entries = header.snapshot_count * SNAPSHOT_ENTRIES;
    let snapshots = Qcow2Table { at: header.snapshots_at, entries };
    let tables =
        [(header.refcounts, REFCOUNTS), (header.l1, L1), (snapshots, "its table of snapshots")];
    let mut regions = vec![(0..header.cluster_size(), "its header")];
    for (table, name) in tables.into_iter().filter(|(table, _)| !table.is_empty()) {
        if !contains_range(bytes, table.at, table.len()) {
            return Err(Fault::outside_file(bytes, name, table.at));
        }
        let region = table.at..table.at + table.len();
        check_apart(&regions, &region, name)?;
        check_aligned(header, name, table.at)?;
        regions.push((region, name));
    }
    Ok(regions)
}

/// Fails if a part overlaps one of the regions.
pub(super) fn check_apart(regions: &[Region], part: &Range<u64>, name: &str) -> Result<(), Fault> {
    let over = regions.iter().find(|(other, _)| part.start < other.end && other.start < part.end);
    match over {
        Some((_, other)) => {
            let detail = format!("{name} at byte {} lies over {other}", part.start);
            Err(Fault::new(FlawKind::OutsideFile, detail))
        }
        None => Ok(()),
    }
}

/// Fails if a part, called `name`, does not begin at a cluster.
pub(super) fn check_aligned(header: &Qcow2Header, name: &str, at: u64) -> Result<(), Fault> {
    if at.is_multiple_of(header.cluster_size()) {
        return Ok(());
    }
    Err(Fault::malformed(format!("{name} does not begin with a cluster: {at}")))
}

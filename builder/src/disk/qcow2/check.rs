//! What about a qcow2 file keeps it from being used: its tables are followed as far as they are to
//! be had.

use std::ops::Range;

use super::allocation;
use super::header::{Compression, Crypt, Header, Table, malformed};
use crate::disk::bytes::{Fault, be64, fill, holds};
use crate::disk::{Flaw, FlawKind, Info, ReadAt};

/// As many as QEMU takes: `QCOW_MAX_SNAPSHOTS` in `block/qcow2.h`.
const SNAPSHOTS_MAX: u32 = 65536;

/// A part of a file, and what it is.
pub(super) type Region = (Range<u64>, &'static str);

/// Looks at a qcow2 file.
pub(in crate::disk) fn examine(bytes: &dyn ReadAt, info: &mut Info) -> Result<(), Fault> {
    let header = Header::read(bytes)?;
    info.virtual_size = header.virtual_size();
    info.cluster_compression = Some(match header.compression {
        Compression::Zlib => "zlib",
        Compression::Zstd => "zstd",
    });
    info.flaws.extend(told(&header));
    let regions = regions(bytes, &header)?;
    refcount_blocks(bytes, &header)?;
    if header.has_data_file() || header.unknown_incompatible() != 0 {
        return Ok(()); // The entries of its tables may mean something else.
    }
    info.allocated = allocation::allocated(bytes, &header, &regions)?;
    if info.allocated == Some(0) && header.backing.is_none() {
        info.flaws.push(flaw(FlawKind::Blank, "no byte of the disk in it was ever written"));
    }
    Ok(())
}

/// Returns what the header itself says that is wrong.
fn told(header: &Header) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let mut add = |kind, detail: String| flaws.push(Flaw { kind, detail });
    if let Some(backing) = &header.backing {
        let name = backing.name.escape_debug();
        add(FlawKind::BackingFile, format!("it stands on another file, `{name}`"));
    }
    if header.has_data_file() {
        let name = header.data_file.as_deref().map(|name| format!(", `{}`", name.escape_debug()));
        let name = name.unwrap_or_default();
        add(FlawKind::DataFile, format!("its data is in another file{name}"));
    }
    let unknown = header.unknown_incompatible();
    if unknown != 0 {
        let mut detail = format!("it needs features that nobody knows, bits {unknown:#x}");
        if !header.unknown_features.is_empty() {
            detail = format!("{detail} ({})", header.unknown_features.join(", "));
        }
        add(FlawKind::UnknownFeature, detail);
    }
    if header.is_corrupt() {
        add(FlawKind::Corrupt, "it is marked as corrupt".into());
    }
    match header.crypt {
        Crypt::None => {}
        Crypt::Aes => add(FlawKind::Encrypted, "it is encrypted with AES".into()),
        Crypt::Luks => add(FlawKind::Encrypted, "it is encrypted as LUKS is".into()),
    }
    if header.is_dirty() {
        add(FlawKind::Dirty, "it was not closed properly and its reference counts are old".into());
    }
    if header.snapshot_count > 0 {
        let count = header.snapshot_count;
        add(FlawKind::Snapshots, format!("it has {count} internal snapshots, which nobody sees"));
    }
    flaws
}

/// Finds where the tables lie that the header names, none of them over another.
fn regions(bytes: &dyn ReadAt, header: &Header) -> Result<Vec<Region>, Fault> {
    if header.refcounts.is_empty() {
        return Err(malformed("it has no table of reference counts"));
    }
    if header.snapshot_count > SNAPSHOTS_MAX {
        return Err(malformed(format!("it says that it has {} snapshots", header.snapshot_count)));
    }
    // Of a snapshot only the fields are known to be there.
    let snapshots = Table { at: header.snapshots, entries: header.snapshot_count * 5 };
    let tables = [
        (header.refcounts, "its table of reference counts"),
        (header.l1, "its L1 table"),
        (snapshots, "its table of snapshots"),
    ];
    let mut regions = vec![(0..header.cluster_size(), "its header")];
    for (table, name) in tables.into_iter().filter(|(table, _)| !table.is_empty()) {
        if !holds(bytes, table.at, table.len()) {
            return Err(outside(bytes, name, table.at));
        }
        let region = table.at..table.at + table.len();
        apart(&regions, &region, name)?;
        if table.at % header.cluster_size() != 0 {
            return Err(malformed(format!("{name} does not begin with a cluster: {}", table.at)));
        }
        regions.push((region, name));
    }
    Ok(regions)
}

/// Fails if a part lies over one of the others.
pub(super) fn apart(regions: &[Region], part: &Range<u64>, name: &str) -> Result<(), Fault> {
    let over = regions.iter().find(|(other, _)| part.start < other.end && other.start < part.end);
    match over {
        Some((_, other)) => {
            let detail = format!("{name} at byte {} lies over {other}", part.start);
            Err(flaw(FlawKind::OutsideFile, detail).into())
        }
        None => Ok(()),
    }
}

/// Checks that the blocks of reference counts lie in the file.
fn refcount_blocks(bytes: &dyn ReadAt, header: &Header) -> Result<(), Fault> {
    let name = "a block of reference counts";
    let mut space = [0; 4096];
    let Table { at, .. } = header.refcounts;
    let len = header.refcounts.len();
    for start in (0..len).step_by(space.len()) {
        let space = &mut space[..usize::try_from(len - start).unwrap_or(usize::MAX).min(4096)];
        if let Err(fault) = fill(bytes, space, at + start, "its table of reference counts") {
            return fault.flaw(bytes)?.map_or(Ok(()), |flaw| Err(flaw.into()));
        }
        for entry in space.chunks_exact(8) {
            let block = be64(entry, 0) & !511;
            if !block.is_multiple_of(header.cluster_size()) {
                return Err(malformed(format!("{name} does not begin with a cluster: {block}")));
            }
            if block >= bytes.len() {
                return Err(outside(bytes, name, block));
            }
        }
    }
    Ok(())
}

pub(super) fn outside(bytes: &dyn ReadAt, name: &str, at: u64) -> Fault {
    let detail = format!("{name} at byte {at} lies outside the file of {} bytes", bytes.len());
    flaw(FlawKind::OutsideFile, detail).into()
}

pub(super) fn flaw(kind: FlawKind, detail: impl Into<String>) -> Flaw {
    Flaw { kind, detail: detail.into() }
}

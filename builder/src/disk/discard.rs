//! *Discarding*: what is free in the file systems of a disk is read as zeros, as `fstrim` in its virtual machine
//! and a file with holes would have it. Files, and all that is not in a file system that is known, stay as they are.

use std::fmt;
use std::io;
use std::sync::Arc;

use thiserror::Error;

use super::convert::Guest;
use super::file_system::{FreeSpace, FreeSpaceError, find_free_space};
use super::partitions::list_partitions;
use super::signatures::{VolumeContent, find_other_content};
use super::volumes::{Volume, list_volumes, whole_content};
use super::{Extent, ExtentKind, Fault, Flaw, ReadAt};

/// Why the free space of a disk cannot be discarded.
#[derive(Debug, Error)]
pub enum DiscardError {
    /// A file system is in use, or was not unmounted.
    #[error("cannot discard free space: {volume}: {reason}")]
    Unclean {
        /// The volume, and what it has.
        volume: String,
        /// Why its maps cannot be relied on.
        reason: &'static str,
    },
    /// A file system is damaged, or has features that are not known.
    #[error("cannot discard free space: {volume}: {flaw}")]
    Volume {
        /// The volume, and what it has.
        volume: String,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// Two partitions share bytes, so that what is free in one may be in use in the other.
    #[error("cannot discard free space: {0} and {1} overlap")]
    Overlap(String, String),
    /// A volume has the signature of another content, too: which of them is in use is not known.
    #[error("cannot discard free space: {0} has the signature of {1}, too")]
    Ambiguous(String, String),
    /// The disk has a file system as a whole, and a partition table.
    #[error("cannot discard free space: {0} has a partition table, too")]
    Partitioned(String),
    /// No volume has a file system whose free space is known.
    #[error("cannot discard free space: the disk has no ext4 and no FAT, but {0}")]
    NoFileSystem(Volumes),
    /// The partition table is invalid.
    #[error("{0}")]
    Flaw(Flaw),
    /// The disk cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The volumes of a disk.
#[derive(Debug)]
pub struct Volumes(Vec<Volume>);

impl fmt::Display for Volumes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// How many volumes are named.
        const NAMED_MAX: usize = 8;
        if self.0.is_empty() {
            return f.write_str("no partition");
        }
        let names: Vec<_> = self.0.iter().take(NAMED_MAX).map(ToString::to_string).collect();
        f.write_str(&names.join(", "))?;
        match self.0.len().checked_sub(NAMED_MAX) {
            Some(more) if more > 0 => write!(f, " and {more} more"),
            _ => Ok(()),
        }
    }
}

impl From<Fault> for DiscardError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Io(error) => Self::Io(error),
            Fault::Flaw(flaw) => Self::Flaw(flaw),
        }
    }
}

/// A disk whose free space is read as zeros.
struct DiscardedDisk {
    disk: Guest,
    /// Volumes whose free space is known, by their start; they do not overlap.
    volumes: Vec<KnownVolume>,
}

struct KnownVolume {
    /// Where it begins and ends on the disk, in bytes.
    start: u64,
    end: u64,
    free: FreeSpace,
}

/// Returns a disk whose free space is read as zeros.
pub(crate) fn discard_free_space(disk: &Guest) -> Result<Guest, DiscardError> {
    check_table(disk)?;
    let all = list_volumes(disk)?;
    let mut volumes = Vec::new();
    for volume in &all {
        let name = || volume.to_string();
        let free = find_free_space(disk, volume).map_err(|error| match error {
            FreeSpaceError::Unclean(reason) => DiscardError::Unclean { volume: name(), reason },
            FreeSpaceError::Fault(Fault::Flaw(flaw)) => {
                DiscardError::Volume { volume: name(), flaw }
            }
            FreeSpaceError::Fault(Fault::Io(error)) => error.into(),
        })?;
        let Some(free) = free else { continue };
        check_signatures(disk, volume)?;
        let overlaps = |other: &&Volume| *other != volume && overlap(other, volume);
        if let Some(other) = all.iter().find(overlaps) {
            return Err(DiscardError::Overlap(name(), other.to_string()));
        }
        let end = volume.start.saturating_add(volume.len).min(disk.len());
        volumes.push(KnownVolume { start: volume.start, end, free });
    }
    if volumes.is_empty() {
        return Err(DiscardError::NoFileSystem(Volumes(all)));
    }
    volumes.sort_by_key(|volume| volume.start);
    Ok(Arc::new(DiscardedDisk { disk: Guest::clone(disk), volumes }))
}

/// Fails if a volume can be read in another way: bytes that one file system does not use may be those of another.
fn check_signatures(disk: &Guest, volume: &Volume) -> Result<(), DiscardError> {
    let Volume { start, len, content, .. } = *volume;
    if let Some(other) = find_other_content(disk, start, len, content)? {
        return Err(DiscardError::Ambiguous(volume.to_string(), other.to_string()));
    }
    Ok(())
}

/// Fails if a disk has a file system as a whole, and a partition table: one of them is older.
fn check_table(disk: &Guest) -> Result<(), DiscardError> {
    let content = whole_content(disk)?;
    if content == VolumeContent::Unknown {
        return Ok(());
    }
    let whole = Volume { partition: None, start: 0, len: disk.len(), content };
    match list_partitions(disk) {
        Ok(None) => Ok(()),
        Ok(Some(partitions)) if partitions.is_empty() => Ok(()),
        Ok(Some(_)) | Err(Fault::Flaw(_)) => Err(DiscardError::Partitioned(whole.to_string())),
        Err(Fault::Io(error)) => Err(error.into()),
    }
}

/// Returns whether two volumes share bytes.
fn overlap(one: &Volume, other: &Volume) -> bool {
    one.start < other.start.saturating_add(other.len)
        && other.start < one.start.saturating_add(one.len)
}

impl DiscardedDisk {
    /// Returns the bytes from `at` on, as far as all of them are free, or none.
    fn run(&self, at: u64) -> io::Result<Extent> {
        let index = self.volumes.partition_point(|volume| volume.end <= at);
        let Some(volume) = self.volumes.get(index) else {
            return Ok(Extent::data(self.disk.len().saturating_sub(at)));
        };
        let Some(inside) = at.checked_sub(volume.start) else {
            return Ok(Extent::data(volume.start - at));
        };
        let run = volume.free.run(inside)?;
        let len = run.len.min(volume.end - at);
        Ok(if run.is_free { Extent::zero(len) } else { Extent::data(len) })
    }
}

impl ReadAt for DiscardedDisk {
    fn len(&self) -> u64 {
        self.disk.len()
    }

    fn read_exact_at(&self, mut space: &mut [u8], mut at: u64) -> io::Result<()> {
        while !space.is_empty() {
            let run = self.run(at)?;
            let len = usize::try_from(run.len).unwrap_or(usize::MAX).min(space.len());
            if len == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let (here, behind) = space.split_at_mut(len);
            match run.kind {
                ExtentKind::Zero => here.fill(0),
                ExtentKind::Data => self.disk.read_exact_at(here, at)?,
            }
            (space, at) = (behind, at + len as u64);
        }
        Ok(())
    }

    fn extent(&self, at: u64) -> io::Result<Extent> {
        let known = self.disk.extent(at)?;
        // No map is read for what is a hole anyway.
        if known.kind == ExtentKind::Zero || known.len == 0 {
            return Ok(known);
        }
        let run = self.run(at)?;
        Ok(match run.kind {
            ExtentKind::Zero => run,
            ExtentKind::Data => Extent { len: run.len.min(known.len), ..known },
        })
    }
}

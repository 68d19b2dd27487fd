//! The *volumes* of a disk, as its virtual machine sees it: its partitions, or the whole of a disk that has
//! no partition table.

use std::fmt;

use super::partitions::list_partitions;
use super::signatures::{self, VolumeContent};
use super::{Fault, ReadAt};

/// How many volumes are looked at.
const VOLUMES_MAX: usize = 256;

/// A volume of a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Volume {
    /// Number of the partition; `None` for a disk without a partition table.
    pub(crate) partition: Option<u32>,
    /// Where it begins on the disk, in bytes.
    pub(crate) start: u64,
    /// Length in bytes; it may be longer than the disk.
    pub(crate) len: u64,
    /// What is in it.
    pub(crate) content: VolumeContent,
}

impl fmt::Display for Volume {
    /// Writes which volume it is, and what it has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.partition {
            Some(number) => write!(f, "partition {number} ({})", self.content),
            None => write!(f, "the whole disk ({})", self.content),
        }
    }
}

/// Lists the volumes of a disk in the order of its table.
pub(crate) fn list_volumes(disk: &dyn ReadAt) -> Result<Vec<Volume>, Fault> {
    let whole = signatures::recognize(disk, 0, disk.len())?;
    // The boot sector of a file system can look like a partition table.
    let partitions = if whole == VolumeContent::Unknown { list_partitions(disk)? } else { None };
    let Some(partitions) = partitions else {
        let volume = Volume { partition: None, start: 0, len: disk.len(), content: whole };
        return Ok(vec![volume]);
    };
    let mut volumes = Vec::new();
    for partition in partitions.iter().take(VOLUMES_MAX) {
        let content = signatures::recognize(disk, partition.start, partition.len)?;
        let (start, len) = (partition.start, partition.len);
        volumes.push(Volume { partition: Some(partition.number), start, len, content });
    }
    Ok(volumes)
}

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
///
/// A disk can have a file system as a whole, and a partition table: the table is meant if there is something in a
/// partition, for programs that make file systems erase tables, and those that make tables leave file systems. Otherwise
/// the boot sector of the file system looks like a table.
pub(crate) fn list_volumes(disk: &dyn ReadAt) -> Result<Vec<Volume>, Fault> {
    let whole = whole_content(disk)?;
    let partitions = match list_partitions(disk) {
        Err(Fault::Flaw(_)) if whole != VolumeContent::Unknown => None,
        listed => listed?.filter(|_| may_be_older(whole)),
    };
    let mut volumes = Vec::new();
    for partition in partitions.iter().flatten().take(VOLUMES_MAX) {
        let (start, len) = (partition.start, partition.len);
        let content = signatures::recognize(disk, start, len)?;
        volumes.push(Volume { partition: Some(partition.number), start, len, content });
    }
    let has_content = volumes.iter().any(|volume| volume.content != VolumeContent::Unknown);
    if partitions.is_none() || whole != VolumeContent::Unknown && !has_content {
        return Ok(vec![Volume { partition: None, start: 0, len: disk.len(), content: whole }]);
    }
    Ok(volumes)
}

/// Returns what is on a disk as a whole, whether it has partitions or not.
pub(super) fn whole_content(disk: &dyn ReadAt) -> Result<VolumeContent, Fault> {
    signatures::recognize(disk, 0, disk.len())
}

/// Returns whether a content of the whole disk may be one that was there before a partition table. An image of a CD can
/// have both, and means them.
fn may_be_older(content: VolumeContent) -> bool {
    matches!(
        content,
        VolumeContent::Ext
            | VolumeContent::Xfs
            | VolumeContent::Btrfs
            | VolumeContent::Fat
            | VolumeContent::Unknown
    )
}

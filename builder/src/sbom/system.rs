//! The *systems* on a disk: directories that are the root of an operating system, which have a file
//! `os-release`.

use super::error::{FileProblem, InventoryError};
use super::inventory::OperatingSystem;
use super::os_release;
use crate::disk::file_system::{FileTree, open_trees};
use crate::disk::signatures::VolumeContent;
use crate::disk::volumes::{Volume, list_volumes};
use crate::disk::{Fault, ReadAt};

/// What was found on a disk.
pub(super) struct FoundSystems<'a> {
    /// The systems in the order of their volumes.
    pub(super) systems: Vec<FoundSystem<'a>>,
    /// The other volumes.
    pub(super) others: Vec<OtherVolume>,
}

/// A volume without a system, as phrases.
pub(super) struct OtherVolume {
    pub(super) name: String,
    /// What a reader should know of it.
    pub(super) note: Option<String>,
}

/// A system.
pub(super) struct FoundSystem<'a> {
    pub(super) tree: FileTree<'a>,
    pub(super) system: OperatingSystem,
    /// The volume that it is in.
    pub(super) volume: String,
}

/// Looks for systems in all volumes of a disk.
pub(super) fn find_systems(disk: &dyn ReadAt) -> Result<FoundSystems<'_>, InventoryError> {
    let volumes = list_volumes(disk).map_err(|fault| match fault {
        Fault::Io(error) => InventoryError::Io(error),
        Fault::Flaw(flaw) => InventoryError::Table(flaw.detail),
    })?;
    let mut found = FoundSystems { systems: Vec::new(), others: Vec::new() };
    for volume in &volumes {
        let note = match search_volume(disk, volume) {
            Ok(Some(system)) => {
                found.systems.push(system);
                continue;
            }
            Ok(None) => missing_part(disk, volume).or_else(|| unread_note(volume)),
            Err(FileProblem::Io(error)) => return Err(InventoryError::Io(error)),
            Err(FileProblem::Damaged(problem)) => {
                Some(format!("{volume} cannot be read: {problem}"))
            }
        };
        found.others.push(OtherVolume { name: volume.to_string(), note });
    }
    Ok(found)
}

fn search_volume<'a>(
    disk: &'a dyn ReadAt,
    volume: &Volume,
) -> Result<Option<FoundSystem<'a>>, FileProblem> {
    for tree in open_trees(disk, volume)? {
        if let Some(system) = read_os_release(&tree)? {
            return Ok(Some(FoundSystem { tree, system, volume: volume.to_string() }));
        }
    }
    Ok(None)
}

fn read_os_release(tree: &FileTree<'_>) -> Result<Option<OperatingSystem>, FileProblem> {
    for path in os_release::PATHS {
        let Some(file) = tree.open(path)? else { continue };
        let len = file.len().min(os_release::LEN_MAX);
        let mut text = vec![0; usize::try_from(len).unwrap_or(0)];
        file.read_exact_at(&mut text, 0)?;
        if let Some(system) = os_release::parse(&String::from_utf8_lossy(&text)) {
            return Ok(Some(system));
        }
    }
    Ok(None)
}

/// Returns a phrase about a volume with a system whose programs are on another.
fn missing_part(disk: &dyn ReadAt, volume: &Volume) -> Option<String> {
    let trees = open_trees(disk, volume).ok()?;
    let has = |tree: &FileTree<'_>, path: &str| tree.has_entries(path).unwrap_or(false);
    let is_divided = trees.iter().any(|tree| has(tree, "/etc") && !has(tree, "/usr"));
    is_divided.then(|| {
        format!("{volume} has a system whose `/usr` is on another volume, which is not looked into")
    })
}

/// Returns a phrase about a volume that may have packages, and is not looked into.
fn unread_note(volume: &Volume) -> Option<String> {
    let is_unread = match volume.content {
        VolumeContent::Ext | VolumeContent::Xfs | VolumeContent::Btrfs | VolumeContent::Unknown => {
            false
        }
        VolumeContent::Other(name) => !["swap", "ntfs"].contains(&name),
        _ => true,
    };
    is_unread.then(|| format!("{volume} was not looked into"))
}

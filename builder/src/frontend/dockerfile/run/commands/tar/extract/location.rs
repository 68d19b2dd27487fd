//! Where a member is unpacked: the directories above it, and what it replaces.

use super::super::super::super::fault::{Errno, ProcessFault};
use super::super::super::super::process::{Process, last_part};
use crate::frontend::dockerfile::tree::{FollowLast, TreeNodeKind};
use crate::recipe::path::join;

/// Returns the path of a name in a directory, with the links on the way followed. Directories that the
/// archive does not have are created.
pub(super) fn make_parents(
    process: &mut Process<'_>,
    directory: &str,
    name: &str,
) -> Result<String, ProcessFault> {
    let mut parent = directory.to_owned();
    for (end, _) in name.match_indices('/') {
        let path = format!("/{}", join(directory, &name[..end]));
        match process.tree.get(path.trim_start_matches('/')) {
            None => match process.lookup(&path, FollowLast::Yes)? {
                found if found.exists => parent = found.path,
                _ => parent = process.mkdir(&path)?,
            },
            Some(_) => parent = process.stat(&path, FollowLast::Yes)?,
        }
        if !process.is_directory_at(&parent) {
            return Err(Errno::NotDirectory.into());
        }
    }
    Ok(join(&parent, last_part(name)))
}

/// Removes what a member replaces.
pub(super) fn make_room(process: &mut Process<'_>, path: &str) -> Result<(), ProcessFault> {
    match process.tree.get(path) {
        Some(node) if node.kind == TreeNodeKind::Directory => {
            // A directory that is empty makes room.
            let removed = process.rmdir(path);
            removed.map_err(|fault| match fault {
                ProcessFault::Errno(Errno::NotEmpty) => Errno::Exists.into(),
                fault => fault,
            })
        }
        Some(_) => process.unlink(path),
        None => process.may_create(path),
    }
}

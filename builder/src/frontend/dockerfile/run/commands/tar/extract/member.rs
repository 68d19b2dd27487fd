//! Unpacking a member: its node, owner and mode.

use super::super::super::super::archive::ArchiveMember;
use super::super::super::super::content::Content;
use super::super::super::super::fault::Errno;
use super::super::super::super::process::{Process, last_part, parent_path};
use super::super::super::super::status::{CommandRefusal, CommandStatus, escaped, quoted};
use super::Extraction;
use super::location::{make_parents, make_room};
use crate::frontend::dockerfile::tree::{FileNode, FollowLast, TreeError, TreeNode, TreeNodeKind};
use crate::oci::tar::{Owner, TarEntry, TarEntryKind};
use crate::recipe::{SourceLocation, SourceRecipe, SourceRole, SpecialKind};

/// Permissions without the set-ID bits and the sticky bit.
const PERMISSIONS: u32 = 0o777;

impl Extraction<'_> {
    pub(super) fn extract_member(
        &mut self,
        process: &mut Process<'_>,
        member: &ArchiveMember,
        status: &mut CommandStatus,
    ) -> Result<(), CommandRefusal> {
        if self.is_printed {
            return match &member.file {
                Some(file) => process.print(Content::of_file(&file.source, file.size)),
                None => Ok(()),
            };
        }
        let entry = &member.entry;
        let name = self.stripped_name(&entry.path);
        if !name.is_empty() {
            return self.unpack(process, member, &name, status);
        }
        if entry.kind == TarEntryKind::Directory && entry.path.is_empty() {
            let directory = self.directory.clone();
            return self.set_metadata(process, &directory, entry, status);
        }
        Ok(())
    }

    fn unpack(
        &mut self,
        process: &mut Process<'_>,
        member: &ArchiveMember,
        name: &str,
        status: &mut CommandStatus,
    ) -> Result<(), CommandRefusal> {
        let entry = &member.entry;
        let is_directory = entry.kind == TarEntryKind::Directory;
        let what = || format!("{}: {}", escaped(name), attempt(&entry.kind));
        let path = make_parents(process, &self.directory, name);
        let Some(path) = status.record(path, what)? else { return Ok(()) };
        if is_directory && process.is_directory_at(&path) {
            return self.set_metadata(process, &path, entry, status);
        }
        if is_directory && self.keeps_links && process.is_directory(&format!("/{path}")) {
            return Ok(());
        }
        if status.record(make_room(process, &path), what)?.is_none() {
            return Ok(());
        }
        match &entry.kind {
            TarEntryKind::Hardlink(target) => self.link(process, target, (&path, name), status),
            TarEntryKind::Symlink(target) if leads_out(target) => {
                self.delayed.insert(path.clone(), target.clone());
                let owner = self.owner(process, &path, entry);
                put(process, &path, TreeNode::new(placeholder(), 0, owner))
            }
            _ => self.create(process, &path, member),
        }
    }

    /// Returns a path without the directories that are left out.
    fn stripped_name(&self, path: &str) -> String {
        path.split('/').skip(self.stripped).collect::<Vec<_>>().join("/")
    }

    fn create(
        &self,
        process: &mut Process<'_>,
        path: &str,
        member: &ArchiveMember,
    ) -> Result<(), CommandRefusal> {
        let kind = node_kind(member)?;
        let is_link = matches!(kind, TreeNodeKind::Symlink(_));
        let mode = if is_link { PERMISSIONS } else { self.mode(process, &member.entry) };
        let owner = self.owner(process, path, &member.entry);
        put(process, path, TreeNode::new(kind, mode & PERMISSIONS, owner))?;
        // The set-ID bits are those that the owner of the file may set.
        let set = if is_link { Ok(()) } else { process.chmod(path, mode) };
        CommandStatus::default().record(set, String::new).map(drop)
    }

    fn mode(&self, process: &Process<'_>, entry: &TarEntry) -> u32 {
        if self.metadata.modes { entry.mode } else { entry.mode & PERMISSIONS & !process.umask }
    }

    fn owner(&self, process: &Process<'_>, path: &str, entry: &TarEntry) -> Owner {
        if self.metadata.owners { entry.owner() } else { process.owner_below(parent_path(path)) }
    }

    /// Gives a directory that exists the owner and mode of its entry.
    fn set_metadata(
        &self,
        process: &mut Process<'_>,
        path: &str,
        entry: &TarEntry,
        status: &mut CommandStatus,
    ) -> Result<(), CommandRefusal> {
        if self.metadata.owners {
            let Owner { uid, gid } = entry.owner();
            let what = || format!("{}: Cannot change ownership", escaped(&entry.path));
            status.record(process.chown(path, Some(uid), Some(gid)), what)?;
        }
        let mode = self.mode(process, entry);
        let what = || format!("{}: Cannot change mode", escaped(&entry.path));
        status.record(process.chmod(path, mode), what)?;
        Ok(())
    }

    /// Makes a hard link to a member that was unpacked.
    fn link(
        &mut self,
        process: &mut Process<'_>,
        target: &str,
        (path, name): (&str, &str),
        status: &mut CommandStatus,
    ) -> Result<(), CommandRefusal> {
        let stripped = self.stripped_name(target);
        let what = || format!("{}: Cannot hard link to {}", escaped(name), quoted(&stripped));
        let full = format!("/{}/{stripped}", self.directory);
        let found = status.record(process.stat(&full, FollowLast::No), what)?;
        let Some(target) = found else { return Ok(()) };
        if let Some(leads_to) = self.delayed.get(&target) {
            self.delayed.insert(path.to_owned(), leads_to.clone());
        }
        let linked = match process.tree.get(&target) {
            Some(node) if has_inode(node) || self.delayed.contains_key(&target) => {
                process.tree.put(path, node.clone())
            }
            Some(node) if node.kind != TreeNodeKind::Directory => process.tree.link(&target, path),
            _ => {
                status.record::<()>(Err(Errno::NotPermitted.into()), what)?;
                return Ok(());
            }
        };
        linked.map_err(|error| refusal(&error))
    }

    /// Creates the links that lead out of their directory, where nothing has replaced them.
    pub(super) fn create_links(&mut self, process: &mut Process<'_>) -> Result<(), CommandRefusal> {
        for (path, target) in std::mem::take(&mut self.delayed) {
            let Some(node) = process.tree.get(&path) else { continue };
            if node.mode == 0 && node.kind == placeholder() {
                let kind = TreeNodeKind::Symlink(target);
                put(process, &path, TreeNode::new(kind, PERMISSIONS, node.owner))?;
            }
        }
        Ok(())
    }
}

/// Returns what is attempted for a member, as in GNU's messages.
fn attempt(kind: &TarEntryKind) -> String {
    match kind {
        TarEntryKind::Directory => "Cannot mkdir".into(),
        TarEntryKind::Symlink(target) if !leads_out(target) => {
            format!("Cannot create symlink to {}", quoted(target))
        }
        TarEntryKind::Hardlink(target) => format!("Cannot hard link to {}", quoted(target)),
        _ => "Cannot open".into(),
    }
}

/// Returns whether the target of a link is not below the directory that the link is in, as far as its
/// text says so.
fn leads_out(target: &str) -> bool {
    target.starts_with('/') || target.split('/').any(|part| part == "..")
}

/// Returns the file that stands for a link until all else is unpacked.
fn placeholder() -> TreeNodeKind {
    let source = SourceRecipe::new(SourceLocation::Inline([].into()), SourceRole::File);
    TreeNodeKind::File(FileNode { source, size: Some(0), inode: None })
}

fn has_inode(node: &TreeNode) -> bool {
    matches!(node.kind, TreeNodeKind::File(FileNode { inode: Some(_), .. }))
}

/// Returns the kind of the node that a member becomes, which is no hard link.
fn node_kind(member: &ArchiveMember) -> Result<TreeNodeKind, CommandRefusal> {
    let path = &member.entry.path;
    Ok(match (&member.entry.kind, &member.file) {
        (TarEntryKind::Directory, _) => TreeNodeKind::Directory,
        (TarEntryKind::Symlink(target), _) => TreeNodeKind::Symlink(target.clone()),
        (TarEntryKind::Fifo, _) => TreeNodeKind::Special(SpecialKind::Fifo),
        (TarEntryKind::File, Some(file)) => TreeNodeKind::File(file.clone()),
        _ => {
            let message = format!("the device `{}` is not unpacked", last_part(path));
            return Err(CommandRefusal::new(message));
        }
    })
}

fn put(process: &mut Process<'_>, path: &str, node: TreeNode) -> Result<(), CommandRefusal> {
    process.tree.put(path, node).map_err(|error| refusal(&error))
}

fn refusal(error: &TreeError) -> CommandRefusal {
    CommandRefusal::new(error.to_string())
}

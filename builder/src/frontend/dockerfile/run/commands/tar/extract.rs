//! `tar -x` unpacks an archive: its files become members of the archive, or what they were before
//! `tar -c` archived them. They are read when the layer is made.

use super::super::super::archive::ArchiveMember;
use super::super::super::content::Content;
use super::super::super::fault::{Errno, ProcessFault};
use super::super::super::options::CommandArguments;
use super::super::super::process::{Process, last_part, parent_path};
use super::super::super::status::{CommandRefusal, CommandStatus, escaped};
use super::enter_directory;
use super::exclusion::Exclusion;
use super::members::archive_members;
use crate::frontend::dockerfile::tree::{FileNode, TreeNode, TreeNodeKind};
use crate::oci::tar::{Owner, TarEntry, TarEntryKind};
use crate::recipe::SpecialKind;
use crate::recipe::path::{is_below, join};

pub(super) fn extract(
    process: &mut Process<'_>,
    arguments: &CommandArguments,
) -> Result<CommandStatus, CommandRefusal> {
    let refused = ["owner", "group", "mtime", "sort", "format", "no-recursion"];
    if let Some(name) = refused.iter().find(|name| arguments.has(name)) {
        return Err(CommandRefusal::new(format!("`--{name}` of `tar -x` is not evaluated")));
    }
    let mut status = CommandStatus::default();
    let content = match arguments.value("file") {
        None | Some("-") => Some(std::mem::take(&mut process.input)),
        Some(path) => status.record(process.read(path), || escaped(path))?,
    };
    let Some(content) = content else { return Ok(status) };
    let Some(members) = archive_members(process, content, arguments)? else {
        status.fail("This does not look like a tar archive");
        return Ok(status);
    };
    if !enter_directory(process, arguments, &mut status)? {
        return Ok(status);
    }
    let extraction = Extraction::new(process.directory.clone(), arguments)?;
    extraction.extract(process, &members, &arguments.operands, &mut status)?;
    Ok(status)
}

/// How an archive is unpacked.
struct Extraction<'e> {
    /// Directory that it is unpacked in, resolved.
    directory: String,
    /// How many directories at the start of names are left out.
    stripped: usize,
    exclusions: Vec<Exclusion<'e>>,
    keeps_owners: bool,
    keeps_modes: bool,
    is_printed: bool,
}

impl<'e> Extraction<'e> {
    fn new(directory: String, arguments: &'e CommandArguments) -> Result<Self, CommandRefusal> {
        let stripped = match arguments.value("strip-components").map(str::parse) {
            None => 0,
            Some(Ok(number)) => number,
            Some(Err(_)) => {
                return Err(CommandRefusal::new("this `--strip-components` is no number"));
            }
        };
        Ok(Self {
            directory,
            stripped,
            exclusions: Exclusion::parse_all(arguments)?,
            keeps_owners: !arguments.has("no-same-owner"),
            keeps_modes: !arguments.has("no-same-permissions"),
            is_printed: arguments.has("to-stdout"),
        })
    }

    /// Unpacks the members with these names, or all.
    fn extract(
        &self,
        process: &mut Process<'_>,
        members: &[ArchiveMember],
        names: &[String],
        status: &mut CommandStatus,
    ) -> Result<(), CommandRefusal> {
        let names: Vec<&str> =
            names.iter().map(|name| name.trim_start_matches("./").trim_end_matches('/')).collect();
        let mut unseen: Vec<&str> = names.clone();
        for member in members {
            let path = &member.entry.path;
            let is_named = |name: &&str| path == *name || is_below(path, name);
            if !names.is_empty() && !names.iter().any(is_named) || self.is_left_out(path) {
                continue;
            }
            unseen.retain(|name| !is_named(name));
            self.extract_member(process, member, status)?;
        }
        if let Some(name) = unseen.first() {
            status.fail(format!("{}: Not found in archive", escaped(name)));
        }
        Ok(())
    }

    fn is_left_out(&self, path: &str) -> bool {
        let names = path.match_indices('/').map(|(end, _)| &path[..end]).chain([path]);
        let matches = |name: &str| self.exclusions.iter().any(|exclusion| exclusion.matches(name));
        !self.exclusions.is_empty() && names.into_iter().any(matches)
    }

    fn extract_member(
        &self,
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
        let parts = entry.path.split('/').skip(self.stripped);
        let name = parts.collect::<Vec<_>>().join("/");
        let path =
            if name.is_empty() { self.directory.clone() } else { join(&self.directory, &name) };
        let is_directory = entry.kind == TarEntryKind::Directory;
        if is_directory && process.is_directory_at(&path) {
            let is_unnamed = name.is_empty() && !entry.path.is_empty();
            return if is_unnamed {
                Ok(())
            } else {
                self.set_metadata(process, &path, entry, status)
            };
        }
        if name.is_empty() {
            return Ok(());
        }
        let what = || format!("{}: Cannot open", escaped(&name));
        let prepared = make_parents(process, &path).and_then(|()| make_room(process, &path));
        if status.record(prepared, what)?.is_none() {
            return Ok(());
        }
        if let TarEntryKind::Hardlink(target) = &entry.kind {
            return self.link(process, target, (&path, &name), status);
        }
        let node = TreeNode::new(
            node_kind(member)?,
            self.mode(process, entry),
            self.owner(process, &path, entry),
        );
        let put = process.tree.put(&path, node);
        put.map_err(|error| CommandRefusal::new(error.to_string()))
    }

    fn mode(&self, process: &Process<'_>, entry: &TarEntry) -> u32 {
        match entry.kind {
            TarEntryKind::Symlink(_) => 0o777,
            _ if process.identity.is_root() && self.keeps_modes => entry.mode,
            _ => entry.mode & 0o777 & !process.umask,
        }
    }

    fn owner(&self, process: &Process<'_>, path: &str, entry: &TarEntry) -> Owner {
        let keeps = process.identity.is_root() && self.keeps_owners;
        if keeps { entry.owner() } else { process.owner_below(parent_path(path)) }
    }

    /// Gives a directory that exists the owner and mode of its entry.
    fn set_metadata(
        &self,
        process: &mut Process<'_>,
        path: &str,
        entry: &TarEntry,
        status: &mut CommandStatus,
    ) -> Result<(), CommandRefusal> {
        if process.identity.is_root() && self.keeps_owners {
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
        &self,
        process: &mut Process<'_>,
        target: &str,
        (path, name): (&str, &str),
        status: &mut CommandStatus,
    ) -> Result<(), CommandRefusal> {
        let parts = target.split('/').skip(self.stripped);
        let target = join(&self.directory, &parts.collect::<Vec<_>>().join("/"));
        let linked = match process.tree.get(&target) {
            Some(node) if has_inode(node) => process.tree.put(path, node.clone()),
            Some(node) if node.kind != TreeNodeKind::Directory => process.tree.link(&target, path),
            _ => {
                status.fail(format!("{}: Cannot hard link", escaped(name)));
                return Ok(());
            }
        };
        linked.map_err(|error| CommandRefusal::new(error.to_string()))
    }
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

/// Makes the directories that an entry is in, and that the archive does not have.
fn make_parents(process: &mut Process<'_>, path: &str) -> Result<(), ProcessFault> {
    for (end, _) in path.match_indices('/') {
        let parent = &path[..end];
        match process.tree.get(parent).map(|node| &node.kind) {
            Some(TreeNodeKind::Directory) => {}
            Some(_) => {
                let message = format!("`{parent}` is in the way of what `tar` unpacks");
                return Err(ProcessFault::Refused(message));
            }
            None => drop(process.mkdir(&format!("/{parent}"))?),
        }
    }
    Ok(())
}

/// Removes what an entry replaces.
fn make_room(process: &mut Process<'_>, path: &str) -> Result<(), ProcessFault> {
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

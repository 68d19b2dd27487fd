//! `tar -c` makes an archive of files of the tree. Their contents are not read: an archive that is
//! piped into `tar -x` gives them to the files there.

use std::collections::BTreeMap;

use super::super::super::access::READ;
use super::super::super::archive::{ArchiveMember, TreeArchive};
use super::super::super::content::Content;
use super::super::super::options::CommandArguments;
use super::super::super::process::Process;
use super::super::super::status::{CommandRefusal, CommandStatus, escaped};
use super::enter_directory;
use super::exclusion::Exclusion;
use crate::frontend::dockerfile::tree::{FileNode, FollowLast, Inode, TreeNode, TreeNodeKind};
use crate::oci::tar::{ExtendedAttributes, NamePrefix, TarEntry, TarEntryKind};
use crate::recipe::SpecialKind;
use crate::recipe::path::join;

/// Work that a member counts for besides its names, in bytes.
const MEMBER_COST: usize = 256;

pub(super) fn create(
    process: &mut Process<'_>,
    arguments: &CommandArguments,
) -> Result<CommandStatus, CommandRefusal> {
    check_options(arguments)?;
    if arguments.operands.is_empty() {
        let message = "Cowardly refusing to create an empty archive";
        return Ok(CommandStatus::Failure(message.into()));
    }
    let mut status = CommandStatus::default();
    let mut creation = Creation::new(process, arguments)?;
    let start = process.directory.clone();
    let target = arguments.value("file").filter(|_| arguments.has_file());
    // A program that compresses stands between `tar` and the file.
    if arguments.compression().is_none() {
        creation.own_path.clone_from(&process.output_path);
    }
    if let Some(path) = target {
        let what = || format!("{}: Cannot open", escaped(path));
        if status.record(process.create(path), what)?.is_none() {
            return Ok(status);
        }
        creation.own_path = process.stat(path, FollowLast::Yes).ok();
    }
    if !enter_directory(process, arguments, &mut status)? {
        return Ok(status);
    }
    for operand in &arguments.operands {
        creation.add_operand(process, operand, &mut status)?;
    }
    let members = creation.members.into();
    let content = Content::Archive(TreeArchive { members, compression: arguments.compression() });
    process.directory = start;
    match target {
        None => process.print(content)?,
        Some(path) => {
            status.record(process.write(path, content), || escaped(path))?;
        }
    }
    Ok(status)
}

/// Refuses options of `-x` that mean something else, or nothing, to `-c`.
fn check_options(arguments: &CommandArguments) -> Result<(), CommandRefusal> {
    let refused = ["auto-compress", "strip-components", "to-stdout"];
    match refused.iter().find(|name| arguments.has(name)) {
        Some(name) => Err(CommandRefusal::new(format!("`--{name}` of `tar -c` is not evaluated"))),
        None => Ok(()),
    }
}

/// An archive that is being made.
struct Creation<'c> {
    members: Vec<ArchiveMember>,
    /// Path of the archive itself, which is no member.
    own_path: Option<String>,
    exclusions: Vec<Exclusion<'c>>,
    owner: Option<u32>,
    group: Option<u32>,
    recurses: bool,
    /// First names of files that have several.
    names: BTreeMap<Inode, Vec<(FileNode, String)>>,
}

impl<'c> Creation<'c> {
    fn new(process: &Process<'_>, arguments: &'c CommandArguments) -> Result<Self, CommandRefusal> {
        let id = |option: &str, find: &dyn Fn(&str) -> Option<u32>| {
            let Some(name) = arguments.value(option) else { return Ok(None) };
            let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
            let id = if is_number { name.parse().ok() } else { find(name) };
            id.map(Some).ok_or_else(|| {
                CommandRefusal::new(format!("`--{option}={name}` of `tar` is not evaluated"))
            })
        };
        let accounts = process.accounts;
        Ok(Self {
            members: Vec::new(),
            own_path: None,
            exclusions: Exclusion::parse_all(arguments)?,
            owner: id("owner", &|name| accounts.find_user(name).map(|owner| owner.uid))?,
            group: id("group", &|name| accounts.find_group(name))?,
            recurses: !arguments.has("no-recursion"),
            names: BTreeMap::new(),
        })
    }

    /// Adds what an operand names, and all below it.
    fn add_operand(
        &mut self,
        process: &Process<'_>,
        operand: &str,
        status: &mut CommandStatus,
    ) -> Result<(), CommandRefusal> {
        let trimmed = operand.trim_end_matches('/');
        let trimmed = if trimmed.is_empty() { operand } else { trimmed };
        let what = || format!("{}: Cannot stat", escaped(operand));
        let found = process.stat(trimmed, FollowLast::No);
        let Some(path) = status.record(found, what)? else { return Ok(()) };
        let (name, lead) = member_name(trimmed);
        let mut waiting = vec![(path, name)];
        while let Some((path, name)) = waiting.pop() {
            let spent = process.budget.spend(MEMBER_COST + path.len() + name.len());
            spent.map_err(|problem| CommandRefusal::new(problem.to_string()))?;
            let is_own = self.own_path.as_ref() == Some(&path);
            if is_own || self.exclusions.iter().any(|exclusion| exclusion.matches(&name)) {
                continue;
            }
            let Some(node) = process.tree.get(&path).cloned() else { continue };
            let what = || format!("{}: Cannot open", escaped(&name));
            let is_file = matches!(node.kind, TreeNodeKind::File(_));
            let readable = process.identity.check_access(&node, READ).map_err(Into::into);
            if is_file && status.record(readable, what)?.is_none() {
                continue;
            }
            if self.recurses && node.kind == TreeNodeKind::Directory {
                let names = status.record(process.list_searchable(&path), what)?;
                let Some(names) = names else { continue };
                let below = names.into_iter().rev();
                waiting.extend(below.map(|child| (join(&path, &child), join(&name, &child))));
            }
            self.add_member(name, lead, node)?;
        }
        Ok(())
    }

    fn add_member(
        &mut self,
        path: String,
        lead: NamePrefix,
        node: TreeNode,
    ) -> Result<(), CommandRefusal> {
        let mut file = None;
        let kind = match node.kind {
            TreeNodeKind::Directory => TarEntryKind::Directory,
            TreeNodeKind::Symlink(target) => TarEntryKind::Symlink(target),
            TreeNodeKind::Special(SpecialKind::Fifo) => TarEntryKind::Fifo,
            TreeNodeKind::Special(_) => {
                return Err(CommandRefusal::new(format!("the device `{path}` is not archived")));
            }
            TreeNodeKind::File(own) => {
                if let Some(first) = self.first_name(&own, &path) {
                    TarEntryKind::Hardlink(first)
                } else {
                    // The file that is unpacked is another one.
                    file = Some(FileNode { inode: None, ..own });
                    TarEntryKind::File
                }
            }
        };
        let uid = self.owner.unwrap_or(node.owner.uid);
        let gid = self.group.unwrap_or(node.owner.gid);
        let size = file.as_ref().and_then(|file| file.size).unwrap_or_default();
        let (mode, offset, xattrs) = (node.mode, 0, ExtendedAttributes::default());
        let entry = TarEntry { path, kind, mode, uid, gid, offset, size, lead, xattrs };
        self.members.push(ArchiveMember { entry, file });
        Ok(())
    }

    /// Returns the name under which a file is a member already.
    fn first_name(&mut self, file: &FileNode, name: &str) -> Option<String> {
        let known = self.names.entry(file.inode?).or_default();
        if let Some((_, first)) = known.iter().find(|(own, _)| own.source == file.source) {
            return Some(first.clone());
        }
        known.push((file.clone(), name.to_owned()));
        None
    }
}

/// Returns the name of a member, without what leads out of a directory, and whether the tar has `./`
/// in front of it.
fn member_name(operand: &str) -> (String, NamePrefix) {
    let parts: Vec<&str> = operand.split('/').collect();
    let climbing = parts.iter().rposition(|part| *part == "..");
    let kept = &parts[climbing.map_or(0, |at| at + 1)..];
    let is_dotted = matches!(kept, [] | [".", ..]);
    let parts: Vec<&str> = kept.iter().copied().filter(|part| !matches!(*part, "" | ".")).collect();
    (parts.join("/"), if is_dotted { NamePrefix::Dot } else { NamePrefix::Plain })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_members_stay_below_a_directory() {
        let check = |operand: &str, name: &str, lead| {
            assert_eq!(member_name(operand), (name.to_owned(), lead), "{operand}");
        };
        check("a/b", "a/b", NamePrefix::Plain);
        check("./a", "a", NamePrefix::Dot);
        check(".", "", NamePrefix::Dot);
        check("..", "", NamePrefix::Dot);
        check("/", "", NamePrefix::Plain);
        check("//etc/x", "etc/x", NamePrefix::Plain);
        check("../../a/../b", "b", NamePrefix::Plain);
        check("a../b", "a../b", NamePrefix::Plain);
    }
}

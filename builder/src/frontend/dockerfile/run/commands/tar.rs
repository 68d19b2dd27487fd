//! `tar -x` unpacks an archive: its files become members of the archive, which are read when the
//! layer is made.

use std::sync::Arc;

use super::super::content::Content;
use super::super::fault::{Errno, ProcessFault};
use super::super::options::{CommandArguments, KnownOption, OptionValue};
use super::super::process::{Process, last_part};
use super::super::status::{CommandRefusal, CommandStatus, escaped};
use crate::frontend::dockerfile::tree::{FileNode, FollowLast, Inode, TreeNode, TreeNodeKind};
use crate::oci::tar::{TarEntry, TarEntryKind};
use crate::recipe::path::{is_below, join};
use crate::recipe::{SourceLocation, SourceRecipe, SourceRole, SpecialKind, TarMember, TarOrigin};

const OPTIONS: &[KnownOption] = &[
    ("x", "extract", OptionValue::Nothing),
    ("c", "create", OptionValue::Nothing),
    ("t", "list", OptionValue::Nothing),
    ("f", "file", OptionValue::Value),
    ("C", "directory", OptionValue::Value),
    ("zjJ", "gzip", OptionValue::Nothing),
    ("", "zstd", OptionValue::Nothing),
    ("", "xz", OptionValue::Nothing),
    ("", "bzip2", OptionValue::Nothing),
    ("a", "auto-compress", OptionValue::Nothing),
    ("v", "verbose", OptionValue::Nothing),
    ("m", "touch", OptionValue::Nothing),
    ("p", "preserve-permissions", OptionValue::Nothing),
    ("o", "no-same-owner", OptionValue::Nothing),
    ("", "same-owner", OptionValue::Nothing),
    ("", "numeric-owner", OptionValue::Nothing),
    ("", "strip-components", OptionValue::Value),
    ("O", "to-stdout", OptionValue::Nothing),
    ("S", "sparse", OptionValue::Nothing),
    ("", "no-same-permissions", OptionValue::Nothing),
    ("", "warning", OptionValue::Value),
];

pub(super) fn tar(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    let words = modern_options(words);
    let arguments = CommandArguments::parse("tar", OPTIONS, &words)?;
    if !arguments.has("extract") || arguments.has("create") || arguments.has("list") {
        return Err(CommandRefusal::new("`tar` is evaluated with `-x` only"));
    }
    // With `-O` the names are written to standard error.
    if arguments.has("verbose") && process.output.is_some() && !arguments.has("to-stdout") {
        return Err(CommandRefusal::new("the names that `tar -v` prints are not evaluated"));
    }
    let mut status = CommandStatus::default();
    let content = match arguments.value("file") {
        None | Some("-") => Some(std::mem::take(&mut process.input)),
        Some(path) => status.record(process.read(path), || escaped(path))?,
    };
    let Some(content) = content else { return Ok(status) };
    let Content::Source(mut source, _) = content else {
        return Err(CommandRefusal::new(
            "`tar` is evaluated for archives that are read from a file or URL",
        ));
    };
    // What an archive is compressed with is found out when it is read.
    source.compression = None;
    let entries = process.inputs.list_archive(&source).map_err(CommandRefusal::new)?;
    let Some(entries) = entries else {
        status.fail("This does not look like a tar archive");
        return Ok(status);
    };
    let directory = arguments.value("directory").unwrap_or(".");
    let what = || format!("{}: Cannot open", escaped(directory));
    let Some(directory) = status.record(process.stat(directory, FollowLast::Yes), what)? else {
        return Ok(status);
    };
    let extraction = Extraction::new(*source, directory, &arguments)?;
    extraction.extract(process, &entries, &arguments.operands, &mut status)?;
    Ok(status)
}

/// Returns the words with a dash in front of options in the old form: `tar xzf a.tgz`.
fn modern_options(words: &[String]) -> Vec<String> {
    let [first, rest @ ..] = words else { return Vec::new() };
    if first.starts_with('-') {
        return words.to_vec();
    }
    // The values of old options stand behind all of them, in their order.
    let mut modern = Vec::new();
    let mut values = rest.iter();
    for letter in first.chars() {
        modern.push(format!("-{letter}"));
        if matches!(letter, 'f' | 'C') {
            modern.extend(values.next().cloned());
        }
    }
    modern.extend(values.cloned());
    modern
}

/// An archive that is unpacked.
struct Extraction {
    archive: Arc<TarOrigin>,
    /// Directory that it is unpacked in, resolved.
    directory: String,
    /// How many directories at the start of names are left out.
    stripped: usize,
    keeps_owners: bool,
    is_printed: bool,
}

impl Extraction {
    fn new(
        source: SourceRecipe,
        directory: String,
        arguments: &CommandArguments,
    ) -> Result<Self, CommandRefusal> {
        let stripped = match arguments.value("strip-components").map(str::parse) {
            None => 0,
            Some(Ok(number)) => number,
            Some(Err(_)) => {
                return Err(CommandRefusal::new("this `--strip-components` is no number"));
            }
        };
        Ok(Self {
            archive: Arc::new(TarOrigin::File(Box::new(source))),
            directory,
            stripped,
            keeps_owners: !arguments.has("no-same-owner"),
            is_printed: arguments.has("to-stdout"),
        })
    }

    /// Unpacks the entries with these names, or all.
    fn extract(
        &self,
        process: &mut Process<'_>,
        entries: &[TarEntry],
        names: &[String],
        status: &mut CommandStatus,
    ) -> Result<(), CommandRefusal> {
        let names: Vec<&str> =
            names.iter().map(|name| name.trim_start_matches("./").trim_end_matches('/')).collect();
        let mut unseen: Vec<&str> = names.clone();
        for entry in entries {
            let is_named = |name: &&str| entry.path == *name || is_below(&entry.path, name);
            if !names.is_empty() && !names.iter().any(is_named) {
                continue;
            }
            unseen.retain(|name| !is_named(name));
            self.extract_entry(process, entry, status)?;
        }
        if let Some(name) = unseen.first() {
            status.fail(format!("{}: Not found in archive", escaped(name)));
        }
        Ok(())
    }

    fn extract_entry(
        &self,
        process: &mut Process<'_>,
        entry: &TarEntry,
        status: &mut CommandStatus,
    ) -> Result<(), CommandRefusal> {
        if self.is_printed {
            return match self.node_kind(process, entry)? {
                Some(TreeNodeKind::File(file)) => {
                    process.print(Content::of_file(&file.source, file.size))
                }
                _ => Ok(()),
            };
        }
        let parts = entry.path.split('/').skip(self.stripped);
        let name = parts.collect::<Vec<_>>().join("/");
        if name.is_empty() {
            return Ok(());
        }
        let path = join(&self.directory, &name);
        let what = || format!("{}: Cannot open", escaped(&name));
        let prepared = make_parents(process, &path).and_then(|()| make_room(process, &path, entry));
        if status.record(prepared, what)?.is_none() {
            return Ok(());
        }
        let Some(kind) = self.node_kind(process, entry)? else {
            status.fail(format!("{}: Cannot hard link", escaped(&name)));
            return Ok(());
        };
        let identity = process.identity;
        let keeps = identity.is_root() && self.keeps_owners;
        let owner = if keeps { entry.owner() } else { identity.owner };
        let mode =
            if identity.is_root() { entry.mode } else { entry.mode & 0o777 & !process.umask };
        let mode = if matches!(kind, TreeNodeKind::Symlink(_)) { 0o777 } else { mode };
        let node = TreeNode::new(kind, mode, owner);
        let put = process.tree.put(&path, node);
        put.map_err(|error| CommandRefusal::new(error.to_string()))
    }

    /// Returns the kind of an entry; `None` for a link to a file that was not unpacked.
    fn node_kind(
        &self,
        process: &Process<'_>,
        entry: &TarEntry,
    ) -> Result<Option<TreeNodeKind>, CommandRefusal> {
        Ok(Some(match &entry.kind {
            TarEntryKind::Directory => TreeNodeKind::Directory,
            TarEntryKind::Symlink(target) => TreeNodeKind::Symlink(target.clone()),
            TarEntryKind::Hardlink(target) => {
                let parts = target.split('/').skip(self.stripped);
                let target = join(&self.directory, &parts.collect::<Vec<_>>().join("/"));
                return Ok(process.tree.get(&target).map(|node| node.kind.clone()));
            }
            TarEntryKind::File => {
                let (offset, size) = (entry.offset, entry.size);
                let archive = Arc::clone(&self.archive);
                let number = Arc::as_ptr(&self.archive).addr() as u64;
                let location = SourceLocation::Member(TarMember { archive, offset, size });
                let source = SourceRecipe::new(location, SourceRole::File);
                let inode = Some(Inode(number, offset));
                TreeNodeKind::File(FileNode { source, size: Some(size), inode })
            }
            TarEntryKind::Fifo => TreeNodeKind::Special(SpecialKind::Fifo),
            TarEntryKind::Character { .. } | TarEntryKind::Block { .. } => {
                let message = format!("the device `{}` is not unpacked", last_part(&entry.path));
                return Err(CommandRefusal::new(message));
            }
        }))
    }
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
            None => {
                process.may_create(parent)?;
                let (mode, owner) = (0o777 & !process.umask, process.identity.owner);
                process.tree.put(parent, TreeNode::new(TreeNodeKind::Directory, mode, owner))?;
            }
        }
    }
    Ok(())
}

/// Removes what an entry replaces.
fn make_room(process: &mut Process<'_>, path: &str, entry: &TarEntry) -> Result<(), ProcessFault> {
    let is_directory = process.is_directory_at(path);
    let exists = process.tree.get(path).is_some();
    match (exists, is_directory, &entry.kind) {
        (true, true, TarEntryKind::Directory) => Ok(()),
        (true, true, _) => Err(Errno::IsDirectory.into()),
        (true, false, _) => process.unlink(path),
        (false, ..) => process.may_create(path),
    }
}

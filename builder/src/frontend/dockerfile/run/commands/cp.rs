//! `cp` copies files and directories.

use super::super::access::READ;
use super::super::content::Content;
use super::super::fault::{Errno, ProcessFault};
use super::super::options::{CommandArguments, KnownOption, OptionValue};
use super::super::process::{Process, last_part};
use super::super::status::{CommandRefusal, CommandStatus, missing_operand, quoted};
use crate::frontend::dockerfile::tree::{FollowLast, TreeNode, TreeNodeKind};
use crate::recipe::path::join;

const OPTIONS: &[KnownOption] = &[
    ("a", "archive", OptionValue::Nothing),
    ("rR", "recursive", OptionValue::Nothing),
    ("p", "", OptionValue::Nothing),
    ("", "preserve", OptionValue::Value),
    ("d", "no-dereference", OptionValue::Nothing),
    ("P", "no-dereference", OptionValue::Nothing),
    ("L", "dereference", OptionValue::Nothing),
    ("", "reflink", OptionValue::Value),
    ("", "sparse", OptionValue::Value),
    ("n", "no-clobber", OptionValue::Nothing),
    ("f", "force", OptionValue::Nothing),
    ("v", "verbose", OptionValue::Nothing),
    ("T", "no-target-directory", OptionValue::Nothing),
    ("t", "target-directory", OptionValue::Value),
];

/// What a copy has of its original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attributes {
    New,
    /// Mode and owner.
    Kept,
    /// Extended attributes too.
    All,
}

pub(super) fn cp(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    let arguments = CommandArguments::parse("cp", OPTIONS, words)?;
    let is_recursive = arguments.has("recursive") || arguments.has("archive");
    let attributes = kept_attributes(&arguments)?;
    let keeps_links = is_recursive || arguments.has("no-dereference");
    if is_recursive && arguments.has("dereference") {
        return Err(CommandRefusal::new("`cp -rL` is not evaluated"));
    }
    each_pair(process, &arguments, |process, from, to, status| {
        if arguments.has("no-clobber") && process.stat(to, FollowLast::No).is_ok() {
            return Ok(());
        }
        let follow = if keeps_links { FollowLast::No } else { FollowLast::Yes };
        let what = || format!("cannot stat {}", quoted(from));
        let Some((path, node)) = status.record(process.node(from, follow), what)? else {
            return Ok(());
        };
        if process.stat(to, FollowLast::Yes).is_ok_and(|other| other == path) {
            status.fail(format!("{} and {} are the same file", quoted(from), quoted(to)));
            return Ok(());
        }
        if node.kind == TreeNodeKind::Directory && !is_recursive {
            status.fail(format!("-r not specified; omitting directory {}", quoted(from)));
            return Ok(());
        }
        if !check_target(process, &node, to, status) {
            return Ok(());
        }
        copy(process, (&path, from), to, attributes, status)
    })
}

/// Checks that a file is not copied over a directory, or to a place that a link only names.
fn check_target(
    process: &Process<'_>,
    node: &TreeNode,
    to: &str,
    status: &mut CommandStatus,
) -> bool {
    if !matches!(node.kind, TreeNodeKind::File(_)) {
        return true;
    }
    let exists = process.stat(to, FollowLast::Yes);
    match exists {
        Ok(_) if process.is_directory(to) => {
            let to = quoted(to);
            status.fail(format!("cannot overwrite directory {to} with non-directory"));
            false
        }
        Err(ProcessFault::Errno(Errno::NoEntry)) if process.stat(to, FollowLast::No).is_ok() => {
            status.fail(format!("not writing through dangling symlink {}", quoted(to)));
            false
        }
        Err(_) if to.ends_with('/') => {
            let what = format!("cannot create regular file {}", quoted(to));
            status.fail(format!("{what}: {}", Errno::NotDirectory));
            false
        }
        _ => true,
    }
}

/// Returns what the options ask to be kept.
fn kept_attributes(arguments: &CommandArguments) -> Result<Attributes, CommandRefusal> {
    if arguments.has("archive") {
        return Ok(Attributes::All);
    }
    match arguments.value("preserve") {
        Some("all") => return Ok(Attributes::All),
        Some("mode,ownership" | "mode,ownership,timestamps") => return Ok(Attributes::Kept),
        Some("timestamps") | None => {}
        Some(list) => {
            return Err(CommandRefusal::new(format!("`cp --preserve={list}` is not evaluated")));
        }
    }
    Ok(if arguments.has("") { Attributes::Kept } else { Attributes::New })
}

/// Calls a function with each source and its destination.
pub(super) fn each_pair(
    process: &mut Process<'_>,
    arguments: &CommandArguments,
    act: impl Fn(&mut Process<'_>, &str, &str, &mut CommandStatus) -> Result<(), CommandRefusal>,
) -> Result<CommandStatus, CommandRefusal> {
    let operands = arguments.operands.as_slice();
    let (sources, target) = match (arguments.value("target-directory"), operands) {
        (Some(directory), sources) => (sources, directory),
        (None, [sources @ .., last]) if !sources.is_empty() => (sources, last.as_str()),
        (None, []) => return Ok(CommandStatus::Failure("missing file operand".into())),
        (None, _) => {
            let CommandStatus::Failure(text) = missing_operand(operands) else {
                return Ok(CommandStatus::Success);
            };
            return Ok(CommandStatus::Failure(
                text.replace("operand after", "destination file operand after"),
            ));
        }
    };
    let mut status = CommandStatus::default();
    let is_into = process.is_directory(target) && !arguments.has("no-target-directory");
    let needs_directory = sources.len() != 1 || arguments.value("target-directory").is_some();
    if needs_directory && !is_into {
        return Ok(CommandStatus::Failure(format!(
            "target {}: {}",
            quoted(target),
            missing(process, target)
        )));
    }
    for source in sources {
        let path = if is_into {
            format!("{}/{}", target.trim_end_matches('/'), last_part(source))
        } else {
            target.to_owned()
        };
        act(process, source, &path, &mut status)?;
    }
    Ok(status)
}

fn missing(process: &Process<'_>, path: &str) -> Errno {
    if process.exists(path) { Errno::NotDirectory } else { Errno::NoEntry }
}

/// Copies the node at a resolved path, which the user calls `name`, and all below it.
fn copy(
    process: &mut Process<'_>,
    (from, name): (&str, &str),
    to: &str,
    attributes: Attributes,
    status: &mut CommandStatus,
) -> Result<(), CommandRefusal> {
    let Some(node) = process.tree.get(from).cloned() else { return Ok(()) };
    let readable = process.identity.check_access(&node, READ);
    let what = || format!("cannot open {} for reading", quoted(name));
    let is_file = matches!(node.kind, TreeNodeKind::File(_));
    if is_file && status.record(readable.map_err(Into::into), what)?.is_none() {
        return Ok(());
    }
    match &node.kind {
        TreeNodeKind::Directory => {
            return copy_directory(process, (from, name), to, &node, attributes, status);
        }
        TreeNodeKind::Symlink(target) => {
            if let Ok(old) = process.stat(to, FollowLast::No) {
                let what = || format!("cannot remove {}", quoted(to));
                status.record(process.unlink(&old), what)?;
            }
            let what = || format!("cannot create symbolic link {}", quoted(to));
            if status.record(process.symlink(target, to), what)?.is_none() {
                return Ok(());
            }
        }
        TreeNodeKind::File(file) => {
            let is_new = !process.exists(to);
            let content = Content::of_file(&file.source, file.size);
            let what = || format!("cannot create regular file {}", quoted(to));
            if status.record(process.write(to, content), what)?.is_none() {
                return Ok(());
            }
            if is_new && attributes == Attributes::New {
                set_mode(process, to, node.mode & 0o777 & !process.umask)?;
            }
        }
        TreeNodeKind::Special(_) => {
            return Err(CommandRefusal::new("`cp` of a device is not evaluated"));
        }
    }
    keep_attributes(process, to, &node, attributes)
}

fn copy_directory(
    process: &mut Process<'_>,
    (from, name): (&str, &str),
    to: &str,
    node: &TreeNode,
    attributes: Attributes,
    status: &mut CommandStatus,
) -> Result<(), CommandRefusal> {
    let target = process.lookup(to, FollowLast::Yes).map(|found| found.path).unwrap_or_default();
    if target == from || target.starts_with(&format!("{from}/")) {
        return Err(CommandRefusal::new("`cp` of a directory into itself is not evaluated"));
    }
    if !process.is_directory(to) {
        let what = || format!("cannot create directory {}", quoted(to));
        if status.record(process.mkdir(to), what)?.is_none() {
            return Ok(());
        }
        if attributes == Attributes::New {
            set_mode(process, to, node.mode & 0o777 & !process.umask)?;
        }
    }
    let what = || format!("cannot access {}", quoted(name));
    let children = status.record(process.list_searchable(from), what)?.unwrap_or_default();
    for child in children {
        let below = (join(from, &child), format!("{name}/{child}"));
        copy(process, (&below.0, &below.1), &format!("{to}/{child}"), attributes, status)?;
    }
    keep_attributes(process, to, node, attributes)
}

fn set_mode(process: &mut Process<'_>, path: &str, mode: u32) -> Result<(), CommandRefusal> {
    let Ok(resolved) = process.stat(path, FollowLast::Yes) else { return Ok(()) };
    let inherited = process.tree.get(&resolved).map_or(0, |node| match node.kind {
        TreeNodeKind::Directory => node.mode & 0o2000,
        _ => 0,
    });
    let set = process.tree.set_mode(&resolved, mode | inherited);
    set.map_err(|error| CommandRefusal::new(error.to_string()))
}

/// Gives a copy the owner and mode of its original, as far as the user may.
fn keep_attributes(
    process: &mut Process<'_>,
    path: &str,
    node: &TreeNode,
    attributes: Attributes,
) -> Result<(), CommandRefusal> {
    let Ok(resolved) = process.stat(path, FollowLast::No) else { return Ok(()) };
    if attributes == Attributes::New {
        return Ok(());
    }
    let owner = node.owner;
    let is_owned = process.chown(&resolved, Some(owner.uid), Some(owner.gid)).is_ok();
    let mode = if is_owned { node.mode } else { node.mode & 0o777 };
    let mut set = process.tree.set_mode(&resolved, mode);
    if attributes == Attributes::All {
        set = set.and_then(|()| process.tree.add_xattrs(&resolved, &node.xattrs));
    }
    set.map_err(|error| CommandRefusal::new(error.to_string()))
}

//! `ln` makes hard and symbolic links.

use super::super::fault::{Errno, ProcessFault};
use super::super::options::{CommandArguments, KnownOption, OptionValue};
use super::super::process::{Process, last_part};
use super::super::status::{CommandRefusal, CommandStatus, quoted};
use crate::frontend::dockerfile::tree::{FollowLast, TreeNodeKind};

const OPTIONS: &[KnownOption] = &[
    ("s", "symbolic", OptionValue::Nothing),
    ("f", "force", OptionValue::Nothing),
    ("n", "no-dereference", OptionValue::Nothing),
    ("T", "no-target-directory", OptionValue::Nothing),
    ("t", "target-directory", OptionValue::Value),
    ("v", "verbose", OptionValue::Nothing),
];

/// What happens to a file that is in the way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Existing {
    Keep,
    Replace,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LinkKind {
    Hard,
    Symbolic,
}

/// What link is made.
#[derive(Clone, Copy)]
struct LinkRequest {
    existing: Existing,
    kind: LinkKind,
}

pub(super) fn ln(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    let arguments = CommandArguments::parse("ln", OPTIONS, words)?;
    let existing = if arguments.has("force") { Existing::Replace } else { Existing::Keep };
    let link_kind = if arguments.has("symbolic") { LinkKind::Symbolic } else { LinkKind::Hard };
    let request = LinkRequest { existing, kind: link_kind };
    let operands = arguments.operands.as_slice();
    let into = match find_directory(process, &arguments) {
        Ok(into) => into,
        Err(failure) => return Ok(failure),
    };
    let (targets, into) = match (into, operands) {
        (_, []) => return Ok(CommandStatus::Failure("missing file operand".into())),
        (Some(directory), targets) if arguments.has("target-directory") => (targets, directory),
        (Some(directory), [targets @ .., _]) => (targets, directory),
        (None, [target, link]) => {
            let mut status = CommandStatus::default();
            link_one(process, target, link, request, &mut status)?;
            return Ok(status);
        }
        (None, [target]) if !arguments.has("no-target-directory") => {
            (std::slice::from_ref(target), ".".to_owned())
        }
        (None, [target]) => {
            let message = format!("missing destination file operand after {}", quoted(target));
            return Ok(CommandStatus::Failure(message));
        }
        (None, [.., last]) => {
            return Ok(CommandStatus::Failure(format!("target {}: Not a directory", quoted(last))));
        }
    };
    link_into(process, targets, &into, request)
}

/// Makes a link to each target in a directory.
fn link_into(
    process: &mut Process<'_>,
    targets: &[String],
    directory: &str,
    request: LinkRequest,
) -> Result<CommandStatus, CommandRefusal> {
    let mut status = CommandStatus::default();
    for target in targets {
        let name = last_part(target);
        let link = if directory == "." { name.to_owned() } else { join(directory, name) };
        link_one(process, target, &link, request, &mut status)?;
    }
    Ok(status)
}

/// Returns the directory that links are made in, if there is one.
fn find_directory(
    process: &Process<'_>,
    arguments: &CommandArguments,
) -> Result<Option<String>, CommandStatus> {
    if let Some(given) = arguments.value("target-directory") {
        if process.is_directory(given) {
            return Ok(Some(given.to_owned()));
        }
        return Err(CommandStatus::Failure(format!(
            "target directory {}: {}",
            quoted(given),
            directory_errno(process, given)
        )));
    }
    let [_, .., last] = arguments.operands.as_slice() else { return Ok(None) };
    if arguments.has("no-target-directory") {
        return match arguments.operands.len() {
            2 => Ok(None),
            _ => Err(CommandStatus::Failure(format!(
                "extra operand {}",
                quoted(&arguments.operands[2])
            ))),
        };
    }
    let is_link = process.stat(last, FollowLast::No).is_ok_and(|path| {
        matches!(process.tree.get(&path).map(|node| &node.kind), Some(TreeNodeKind::Symlink(_)))
    });
    if process.is_directory(last) && !(is_link && arguments.has("no-dereference")) {
        return Ok(Some(last.clone()));
    }
    if arguments.operands.len() > 2 {
        return Err(CommandStatus::Failure(format!(
            "target {}: {}",
            quoted(last),
            directory_errno(process, last)
        )));
    }
    Ok(None)
}

/// Returns why a path is not a directory.
fn directory_errno(process: &Process<'_>, path: &str) -> Errno {
    match process.stat(path, FollowLast::Yes) {
        Err(ProcessFault::Errno(errno)) => errno,
        _ => Errno::NotDirectory,
    }
}

fn join(directory: &str, name: &str) -> String {
    let slash = if directory.ends_with('/') { "" } else { "/" };
    format!("{directory}{slash}{name}")
}

fn link_one(
    process: &mut Process<'_>,
    target: &str,
    link: &str,
    LinkRequest { existing, kind }: LinkRequest,
    status: &mut CommandStatus,
) -> Result<(), CommandRefusal> {
    if kind == LinkKind::Hard && !check_target(process, target, status)? {
        return Ok(());
    }
    let what = || match (kind, target) {
        (LinkKind::Hard, _) => {
            format!("failed to create hard link {} => {}", quoted(link), quoted(target))
        }
        (_, "") => format!("failed to create symbolic link {} -> ''", quoted(link)),
        _ => format!("failed to create symbolic link {}", quoted(link)),
    };
    let old = process.stat(link, FollowLast::No).ok().filter(|_| existing == Existing::Replace);
    if let Some(old) = old {
        if process.is_directory_at(&old) {
            status.fail(format!("{}: cannot overwrite directory", link.escape_debug()));
            return Ok(());
        }
        if process.stat(target, FollowLast::Yes).is_ok_and(|path| path == old) {
            status.fail(format!("{} and {} are the same file", quoted(target), quoted(link)));
            return Ok(());
        }
        // The old file is kept if the link cannot be made.
        if !target.is_empty() && status.record(process.unlink(&old), what)?.is_none() {
            return Ok(());
        }
    }
    let made = match kind {
        LinkKind::Hard => process.hard_link(target, link),
        LinkKind::Symbolic => process.symlink(target, link),
    };
    if made == Err(Errno::Exists.into()) && kind == LinkKind::Hard {
        status.fail(format!("failed to create hard link {}: File exists", quoted(link)));
        return Ok(());
    }
    status.record(made, what)?;
    Ok(())
}

/// Checks whether the target of a hard link can have one.
fn check_target(
    process: &Process<'_>,
    target: &str,
    status: &mut CommandStatus,
) -> Result<bool, CommandRefusal> {
    let what = || format!("failed to access {}", quoted(target));
    let Some(path) = status.record(process.stat(target, FollowLast::No), what)? else {
        return Ok(false);
    };
    match process.tree.get(&path).map(|node| &node.kind) {
        Some(TreeNodeKind::Directory) => {
            status.fail(format!("{}: hard link not allowed for directory", target.escape_debug()));
            Ok(false)
        }
        Some(TreeNodeKind::File(_)) => Ok(true),
        _ => Err(CommandRefusal::new("a hard link to a symbolic link or device is not evaluated")),
    }
}

//! `rm` and `rmdir` remove files and directories.

use std::collections::BTreeSet;

use super::super::fault::{Errno, ProcessFault};
use super::super::options::{CommandArguments, KnownOption, OptionValue};
use super::super::process::{Process, last_part, parent_path};
use super::super::status::{CommandRefusal, CommandStatus, missing_operand, quoted};
use super::walk::walk;
use crate::frontend::dockerfile::tree::FollowLast;

const RM_OPTIONS: &[KnownOption] = &[
    ("rR", "recursive", OptionValue::Nothing),
    ("f", "force", OptionValue::Nothing),
    ("d", "dir", OptionValue::Nothing),
    ("v", "verbose", OptionValue::Nothing),
    ("", "one-file-system", OptionValue::Nothing),
    ("", "preserve-root", OptionValue::Nothing),
];

const RMDIR_OPTIONS: &[KnownOption] = &[("v", "verbose", OptionValue::Nothing)];

pub(super) fn rm(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    let arguments = CommandArguments::parse("rm", RM_OPTIONS, words)?;
    if arguments.operands.is_empty() && !arguments.has("force") {
        return Ok(missing_operand(&[]));
    }
    let mut status = CommandStatus::default();
    for name in &arguments.operands {
        remove_operand(process, name, &arguments, &mut status)?;
    }
    Ok(status)
}

fn remove_operand(
    process: &mut Process<'_>,
    name: &str,
    arguments: &CommandArguments,
    status: &mut CommandStatus,
) -> Result<(), CommandRefusal> {
    let cannot = || format!("cannot remove {}", quoted(name));
    let path = match process.stat(name, FollowLast::No) {
        Err(ProcessFault::Errno(Errno::NoEntry | Errno::NotDirectory))
            if arguments.has("force") =>
        {
            return Ok(());
        }
        found => found,
    };
    let Some(path) = status.record(path, cannot)? else { return Ok(()) };
    let is_directory = process.is_directory_at(&path);
    let is_recursive = arguments.has("recursive");
    if is_directory && !is_recursive && !arguments.has("dir") {
        status.record(Err::<(), _>(Errno::IsDirectory.into()), cannot)?;
    } else if matches!(last_part(name), "." | "..") {
        let name = quoted(name);
        status.fail(format!("refusing to remove '.' or '..' directory: skipping {name}"));
    } else if is_recursive && path.is_empty() {
        status.fail("it is dangerous to operate recursively on '/'");
    } else if is_recursive && is_link(process, name) {
        // rm empties the directory, and then fails.
        let message = format!("{} is a symbolic link; write it without the slash", quoted(name));
        return Err(CommandRefusal::new(message));
    } else if is_link(process, name) {
        status.record(Err::<(), _>(Errno::NotDirectory.into()), cannot)?;
    } else if is_directory && is_recursive {
        remove_all(process, (path, name), status)?;
    } else if is_directory {
        status.record(process.rmdir(&path), cannot)?;
    } else {
        status.record(process.unlink(&path), cannot)?;
    }
    Ok(())
}

/// Returns whether a name with a slash after it is that of a link, which is neither removed nor
/// followed.
fn is_link(process: &Process<'_>, name: &str) -> bool {
    let trimmed = name.trim_end_matches('/');
    trimmed != name
        && process.stat(trimmed, FollowLast::No) != process.stat(trimmed, FollowLast::Yes)
}

/// Removes a directory after its contents. A directory stays if something in it stays.
fn remove_all(
    process: &mut Process<'_>,
    (path, name): (String, &str),
    status: &mut CommandStatus,
) -> Result<(), CommandRefusal> {
    let mut below = Vec::new();
    let mut unread = CommandStatus::default();
    walk(process, (path.clone(), name), &mut unread, |_, path, name, _| {
        below.push((path.to_owned(), name.to_owned()));
        Ok(())
    })?;
    let mut kept = BTreeSet::new();
    for (path, name) in below.iter().rev() {
        let removed = match process.is_directory_at(path) {
            _ if kept.contains(path.as_str()) => Err(None),
            true => process.rmdir(path).map_err(|fault| Some(unread_directory_fault(fault))),
            false => process.unlink(path).map_err(Some),
        };
        if let Err(fault) = removed {
            kept.insert(parent_path(path));
            if let Some(fault) = fault {
                status.record(Err::<(), _>(fault), || format!("cannot remove {}", quoted(name)))?;
            }
        }
    }
    Ok(())
}

/// Returns the fault of a directory whose listed contents were removed: if it is not empty, it
/// could not be read.
fn unread_directory_fault(fault: ProcessFault) -> ProcessFault {
    if fault == Errno::NotEmpty.into() { Errno::Access.into() } else { fault }
}

pub(super) fn rmdir(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    let arguments = CommandArguments::parse("rmdir", RMDIR_OPTIONS, words)?;
    if arguments.operands.is_empty() {
        return Ok(missing_operand(&[]));
    }
    let mut status = CommandStatus::default();
    for name in &arguments.operands {
        let last = last_part(name);
        let found = process.stat(name, FollowLast::No).and_then(|path| match last {
            "." => Err(Errno::Invalid.into()),
            ".." => Err(Errno::NotEmpty.into()),
            _ if is_link(process, name) => Err(Errno::NotDirectory.into()),
            _ => process.rmdir(&path),
        });
        status.record(found, || format!("failed to remove {}", quoted(name)))?;
    }
    Ok(status)
}

//! `rm` and `rmdir` remove files and directories.

use std::collections::BTreeSet;

use super::super::fault::{Errno, Fault};
use super::super::options::{Arguments, Known, Takes};
use super::super::process::{Process, parent};
use super::super::status::{Refusal, Status, missing_operand, quoted};
use super::walk::walk;
use crate::frontend::dockerfile::tree::Follow;

const RM: &[Known] = &[
    ("rR", "recursive", Takes::Nothing),
    ("f", "force", Takes::Nothing),
    ("d", "dir", Takes::Nothing),
    ("v", "verbose", Takes::Nothing),
    ("", "one-file-system", Takes::Nothing),
    ("", "preserve-root", Takes::Nothing),
];

const RMDIR: &[Known] = &[("v", "verbose", Takes::Nothing)];

pub(super) fn rm(process: &mut Process<'_>, words: &[String]) -> Result<Status, Refusal> {
    let arguments = Arguments::parse("rm", RM, words)?;
    if arguments.operands.is_empty() && !arguments.has("force") {
        return Ok(missing_operand(&[]));
    }
    let mut status = Status::default();
    for name in &arguments.operands {
        remove(process, name, &arguments, &mut status)?;
    }
    Ok(status)
}

fn remove(
    process: &mut Process<'_>,
    name: &str,
    arguments: &Arguments,
    status: &mut Status,
) -> Result<(), Refusal> {
    let cannot = || format!("cannot remove {}", quoted(name));
    let path = match process.stat(name, Follow::No) {
        Err(Fault::Errno(Errno::NoEntry | Errno::NotDirectory)) if arguments.has("force") => {
            return Ok(());
        }
        found => found,
    };
    let Some(path) = status.take(path, cannot)? else { return Ok(()) };
    let last = name.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let is_directory = process.is_directory_at(&path);
    let is_recursive = arguments.has("recursive");
    if is_directory && !is_recursive && !arguments.has("dir") {
        status.take(Err::<(), _>(Errno::IsDirectory.into()), cannot)?;
    } else if matches!(last, "." | "..") {
        let name = quoted(name);
        status.fail(format!("refusing to remove '.' or '..' directory: skipping {name}"));
    } else if is_recursive && path.is_empty() {
        status.fail("it is dangerous to operate recursively on '/'");
    } else if is_recursive && is_link(process, name) {
        // rm empties the directory, and then fails.
        let message = format!("{} is a symbolic link; write it without the slash", quoted(name));
        return Err(Refusal::new(message));
    } else if is_link(process, name) {
        status.take(Err::<(), _>(Errno::NotDirectory.into()), cannot)?;
    } else if is_directory && is_recursive {
        remove_all(process, (path, name), status)?;
    } else if is_directory {
        status.take(process.rmdir(&path), cannot)?;
    } else {
        status.take(process.unlink(&path), cannot)?;
    }
    Ok(())
}

/// Returns whether a name with a slash behind it is that of a link, which is neither removed nor
/// followed.
fn is_link(process: &Process<'_>, name: &str) -> bool {
    let trimmed = name.trim_end_matches('/');
    trimmed != name && process.stat(trimmed, Follow::No) != process.stat(trimmed, Follow::Yes)
}

/// Removes a directory, and first what is in it. A directory stays if something in it does.
fn remove_all(
    process: &mut Process<'_>,
    (path, name): (String, &str),
    status: &mut Status,
) -> Result<(), Refusal> {
    let mut below = Vec::new();
    let mut unread = Status::default();
    walk(process, (path.clone(), name), &mut unread, |_, path, name, _| {
        below.push((path.to_owned(), name.to_owned()));
        Ok(())
    })?;
    let mut kept = BTreeSet::new();
    for (path, name) in below.iter().rev() {
        let removed = match process.is_directory_at(path) {
            _ if kept.contains(path.as_str()) => Err(None),
            true => process.rmdir(path).map_err(|fault| Some(readable(fault))),
            false => process.unlink(path).map_err(Some),
        };
        if let Err(fault) = removed {
            kept.insert(parent(path));
            if let Some(fault) = fault {
                status.take(Err::<(), _>(fault), || format!("cannot remove {}", quoted(name)))?;
            }
        }
    }
    Ok(())
}

/// A directory that is not empty after all it showed was removed could not be read.
fn readable(fault: Fault) -> Fault {
    if fault == Errno::NotEmpty.into() { Errno::Access.into() } else { fault }
}

pub(super) fn rmdir(process: &mut Process<'_>, words: &[String]) -> Result<Status, Refusal> {
    let arguments = Arguments::parse("rmdir", RMDIR, words)?;
    if arguments.operands.is_empty() {
        return Ok(missing_operand(&[]));
    }
    let mut status = Status::default();
    for name in &arguments.operands {
        let last = name.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let found = process.stat(name, Follow::No).and_then(|path| match last {
            "." => Err(Errno::Invalid.into()),
            ".." => Err(Errno::NotEmpty.into()),
            _ if is_link(process, name) => Err(Errno::NotDirectory.into()),
            _ => process.rmdir(&path),
        });
        status.take(found, || format!("failed to remove {}", quoted(name)))?;
    }
    Ok(status)
}

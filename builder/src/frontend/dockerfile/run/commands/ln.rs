//! `ln -s` makes symbolic links.

use super::super::fault::{Errno, Fault};
use super::super::options::{Arguments, Known, Takes};
use super::super::process::Process;
use super::super::status::{Refusal, Status, quoted};
use crate::frontend::dockerfile::tree::{Follow, TreeNodeKind};

const OPTIONS: &[Known] = &[
    ("s", "symbolic", Takes::Nothing),
    ("f", "force", Takes::Nothing),
    ("n", "no-dereference", Takes::Nothing),
    ("T", "no-target-directory", Takes::Nothing),
    ("t", "target-directory", Takes::Value),
    ("v", "verbose", Takes::Nothing),
];

/// What is done with a file that is in the way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Existing {
    Keep,
    Replace,
}

pub(super) fn ln(process: &mut Process<'_>, words: &[String]) -> Result<Status, Refusal> {
    let arguments = Arguments::parse("ln", OPTIONS, words)?;
    if !arguments.has("symbolic") {
        return Err(Refusal::new("`ln` makes symbolic links only; write `ln -s`"));
    }
    let existing = if arguments.has("force") { Existing::Replace } else { Existing::Keep };
    let operands = arguments.operands.as_slice();
    let into = match directory(process, &arguments) {
        Ok(into) => into,
        Err(failure) => return Ok(failure),
    };
    let (targets, into) = match (into, operands) {
        (_, []) => return Ok(Status::Failure("missing file operand".into())),
        (Some(directory), targets) if arguments.has("target-directory") => (targets, directory),
        (Some(directory), [targets @ .., _]) => (targets, directory),
        (None, [target, link]) => {
            let mut status = Status::default();
            link_one(process, target, link, existing, &mut status)?;
            return Ok(status);
        }
        (None, [target]) if !arguments.has("no-target-directory") => {
            (std::slice::from_ref(target), ".".to_owned())
        }
        (None, [target]) => {
            return Ok(Status::Failure(format!(
                "missing destination file operand after {}",
                quoted(target)
            )));
        }
        (None, [.., last]) => {
            return Ok(Status::Failure(format!("target {}: Not a directory", quoted(last))));
        }
    };
    let mut status = Status::default();
    for target in targets {
        let name = target.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let link = if into == "." { name.to_owned() } else { join(&into, name) };
        link_one(process, target, &link, existing, &mut status)?;
    }
    Ok(status)
}

/// Returns the directory that links are made in, if there is one.
fn directory(process: &Process<'_>, arguments: &Arguments) -> Result<Option<String>, Status> {
    if let Some(given) = arguments.value("target-directory") {
        if process.is_directory(given) {
            return Ok(Some(given.to_owned()));
        }
        return Err(Status::Failure(format!(
            "target directory {}: {}",
            quoted(given),
            why(process, given)
        )));
    }
    let [_, .., last] = arguments.operands.as_slice() else { return Ok(None) };
    if arguments.has("no-target-directory") {
        return match arguments.operands.len() {
            2 => Ok(None),
            _ => Err(Status::Failure(format!("extra operand {}", quoted(&arguments.operands[2])))),
        };
    }
    let is_link = process.stat(last, Follow::No).is_ok_and(|path| {
        matches!(process.tree.get(&path).map(|node| &node.kind), Some(TreeNodeKind::Symlink(_)))
    });
    if process.is_directory(last) && !(is_link && arguments.has("no-dereference")) {
        return Ok(Some(last.clone()));
    }
    if arguments.operands.len() > 2 {
        return Err(Status::Failure(format!("target {}: {}", quoted(last), why(process, last))));
    }
    Ok(None)
}

/// Returns why a path is no directory.
fn why(process: &Process<'_>, path: &str) -> Errno {
    match process.stat(path, Follow::Yes) {
        Err(Fault::Errno(errno)) => errno,
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
    existing: Existing,
    status: &mut Status,
) -> Result<(), Refusal> {
    let what = || match target {
        "" => format!("failed to create symbolic link {} -> ''", quoted(link)),
        _ => format!("failed to create symbolic link {}", quoted(link)),
    };
    let old = process.stat(link, Follow::No).ok().filter(|_| existing == Existing::Replace);
    if let Some(old) = old {
        if process.is_directory_at(&old) {
            status.fail(format!("{}: cannot overwrite directory", link.escape_debug()));
            return Ok(());
        }
        if process.stat(target, Follow::Yes).is_ok_and(|path| path == old) {
            status.fail(format!("{} and {} are the same file", quoted(target), quoted(link)));
            return Ok(());
        }
        // Nothing is lost to a link that cannot be.
        if !target.is_empty() && status.take(process.unlink(&old), what)?.is_none() {
            return Ok(());
        }
    }
    status.take(process.symlink(target, link), what)?;
    Ok(())
}

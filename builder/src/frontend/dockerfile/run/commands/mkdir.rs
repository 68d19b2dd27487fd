//! `mkdir` makes directories.

use super::super::options::{Arguments, Known, Takes};
use super::super::process::{Errno, Fault, Process};
use super::{Refusal, Status, missing_operand, quoted};
use crate::tree::{ModeChange, Subject, UMASK};

const OPTIONS: &[Known] = &[
    ("p", "parents", Takes::Nothing),
    ("m", "mode", Takes::Value),
    ("v", "verbose", Takes::Nothing),
];

pub(super) fn mkdir(process: &mut Process<'_>, words: &[String]) -> Result<Status, Refusal> {
    let arguments = Arguments::parse("mkdir", OPTIONS, words)?;
    if arguments.operands.is_empty() {
        return Ok(missing_operand(&[]));
    }
    let mode = match arguments.value("mode").map(ModeChange::parse).transpose() {
        Ok(mode) => mode,
        Err(error) => return Ok(Status::Failure(format!("invalid mode {}", quoted(&error.0)))),
    };
    let mut status = Status::default();
    for path in &arguments.operands {
        let made = if arguments.has("parents") {
            parents(process, path)
        } else {
            process.mkdir(path).map(Some).map_err(|fault| (path.as_str(), fault))
        };
        let (place, at) = match made {
            Ok(place) => (Ok(place), path.as_str()),
            Err((at, fault)) => (Err(fault), at),
        };
        let what = || format!("cannot create directory {}", quoted(at));
        let place = status.take(place, what)?.flatten();
        let (Some(place), Some(change)) = (place, &mode) else { continue };
        let inherited = process.tree.get(&place).map_or(0, |node| node.mode & !0o777);
        let mode = change.apply(0o777 | inherited, Subject::Directory, UMASK);
        let what = || format!("cannot set permissions of {}", quoted(path));
        status.take(process.chmod(&place, mode), what)?;
    }
    Ok(status)
}

/// Makes a directory and those above it; returns its place if it is new. The error says at which
/// directory it came to an end.
fn parents<'p>(
    process: &mut Process<'_>,
    path: &'p str,
) -> Result<Option<String>, (&'p str, Fault)> {
    let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
    let mut made = None;
    for end in ends {
        let part = &path[..end];
        if part.is_empty() && end < path.len() || part.ends_with('/') {
            continue;
        }
        made = match process.mkdir(part) {
            Ok(place) => Some(place),
            Err(_) if process.is_directory(part) => None,
            // What is in the way of further directories is said to be none.
            Err(Fault::Errno(Errno::Exists)) if end < path.trim_end_matches('/').len() => {
                return Err((part, Errno::NotDirectory.into()));
            }
            Err(fault) => return Err((part, fault)),
        };
    }
    Ok(made)
}

//! `mkdir` makes directories.

use super::super::fault::{Errno, Fault};
use super::super::options::{Arguments, Known, Takes};
use super::super::process::Process;
use super::super::status::{Refusal, Status, missing_operand, quoted};
use crate::frontend::dockerfile::tree::{Follow, ModeChange, ModeSubject, UMASK};

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
    let change = match arguments.value("mode").map(ModeChange::parse).transpose() {
        Ok(change) => change,
        Err(error) => return Ok(Status::Failure(format!("invalid mode {}", quoted(&error.0)))),
    };
    let mut status = Status::default();
    for path in &arguments.operands {
        let result = if arguments.has("parents") {
            parents(process, path)
        } else {
            process.mkdir(path).map(Some).map_err(|fault| (path.as_str(), fault))
        };
        let at = result.as_ref().err().map_or(path.as_str(), |(at, _)| at);
        let what = || format!("cannot create directory {}", quoted(at));
        let place = status.take(result.map_err(|(_, fault)| fault), what)?.flatten();
        let (Some(place), Some(change)) = (place, &change) else { continue };
        let inherited = process.tree.get(&place).map_or(0, |node| node.mode & !0o777);
        let mode = mode(change, inherited);
        let what = || format!("cannot set permissions of {}", quoted(path));
        status.take(process.chmod(&place, mode), what)?;
    }
    Ok(status)
}

/// Returns the mode of a new directory. The kernel applies the umask; if it takes away a bit that
/// the change names the mode is set once more, then as a whole (gnulib, `mkdir-p.c`).
fn mode(change: &ModeChange, inherited: u32) -> u32 {
    let (mode, named) = change.adjust(0o777, ModeSubject::Directory, UMASK);
    let first = mode & 0o1777 & !UMASK | inherited;
    if (first ^ mode) & named == 0 { first } else { mode | first & !named }
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
            // A file in the way of further directories is said to be no directory.
            Err(Fault::Errno(Errno::Exists))
                if end < path.trim_end_matches('/').len()
                    && process.stat(part, Follow::Yes).is_ok() =>
            {
                return Err((part, Errno::NotDirectory.into()));
            }
            Err(fault) => return Err((part, fault)),
        };
    }
    Ok(made)
}

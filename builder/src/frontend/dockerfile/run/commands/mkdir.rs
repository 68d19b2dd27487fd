//! `mkdir` makes directories.

use super::super::fault::{Errno, ProcessFault};
use super::super::options::{CommandArguments, KnownOption, OptionValue};
use super::super::process::Process;
use super::super::status::{CommandRefusal, CommandStatus, missing_operand, quoted};
use crate::frontend::dockerfile::tree::{FollowLast, ModeChange, ModeSubject};

const OPTIONS: &[KnownOption] = &[
    ("p", "parents", OptionValue::Nothing),
    ("m", "mode", OptionValue::Value),
    ("v", "verbose", OptionValue::Nothing),
];

pub(super) fn mkdir(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    let arguments = CommandArguments::parse("mkdir", OPTIONS, words)?;
    if arguments.operands.is_empty() {
        return Ok(missing_operand(&[]));
    }
    let change = match arguments.value("mode").map(ModeChange::parse).transpose() {
        Ok(change) => change,
        Err(error) => {
            return Ok(CommandStatus::Failure(format!("invalid mode {}", quoted(&error.0))));
        }
    };
    let mut status = CommandStatus::default();
    for path in &arguments.operands {
        let result = if arguments.has("parents") {
            make_with_parents(process, path)
        } else {
            process.mkdir(path).map(Some).map_err(|fault| (path.as_str(), fault))
        };
        let at = result.as_ref().err().map_or(path.as_str(), |(at, _)| at);
        let what = || format!("cannot create directory {}", quoted(at));
        let resolved = status.record(result.map_err(|(_, fault)| fault), what)?.flatten();
        let (Some(resolved), Some(change)) = (resolved, &change) else { continue };
        let inherited = process.tree.get(&resolved).map_or(0, |node| node.mode & !0o777);
        let mode = new_directory_mode(change, inherited, process.umask);
        let what = || format!("cannot set permissions of {}", quoted(path));
        status.record(process.chmod(&resolved, mode), what)?;
    }
    Ok(status)
}

/// Returns the mode of a new directory. The kernel applies the umask; if it clears a bit that the
/// change names, the whole mode is set again (gnulib, `mkdir-p.c`).
fn new_directory_mode(change: &ModeChange, inherited: u32, umask: u32) -> u32 {
    let (mode, named) = change.adjust(0o777, ModeSubject::Directory, umask);
    let first = mode & 0o1777 & !umask | inherited;
    if (first ^ mode) & named == 0 { first } else { mode | first & !named }
}

/// Creates a directory and its parents; returns its path if it is new. The error has the directory
/// that failed.
fn make_with_parents<'p>(
    process: &mut Process<'_>,
    path: &'p str,
) -> Result<Option<String>, (&'p str, ProcessFault)> {
    let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
    let mut made = None;
    for end in ends {
        let part = &path[..end];
        if part.is_empty() && end < path.len() || part.ends_with('/') {
            continue;
        }
        made = match process.mkdir(part) {
            Ok(resolved) => Some(resolved),
            Err(_) if process.is_directory(part) => None,
            // A file in the way of further directories is reported as not a directory.
            Err(ProcessFault::Errno(Errno::Exists))
                if end < path.trim_end_matches('/').len()
                    && process.stat(part, FollowLast::Yes).is_ok() =>
            {
                return Err((part, Errno::NotDirectory.into()));
            }
            Err(fault) => return Err((part, fault)),
        };
    }
    Ok(made)
}

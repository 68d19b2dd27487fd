//! `chmod` changes permission bits.

use super::super::fault::Errno;
use super::super::options::{CommandArguments, KnownOption, OptionValue};
use super::super::process::Process;
use super::super::status::{CommandRefusal, CommandStatus, missing_operand, quoted};
use super::walk::walk;
use crate::frontend::dockerfile::tree::{FollowLast, ModeChange, ModeSubject, TreeNodeKind};

const OPTIONS: &[KnownOption] = &[
    ("R", "recursive", OptionValue::Nothing),
    ("v", "verbose", OptionValue::Nothing),
    ("c", "changes", OptionValue::Nothing),
    ("f", "silent", OptionValue::Nothing),
    ("", "quiet", OptionValue::Nothing),
    ("", "preserve-root", OptionValue::Nothing),
    ("", "no-preserve-root", OptionValue::Nothing),
];

/// Whether the mode looked like an option, whose effect must not depend on the umask.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ModePosition {
    AsOperand,
    AsOption,
}

pub(super) fn chmod(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    let (mode, words) = split_mode(words);
    let arguments = CommandArguments::parse("chmod", OPTIONS, &words)?;
    let (written, mode, paths) = match (mode, arguments.operands.as_slice()) {
        (Some(mode), paths) => (ModePosition::AsOption, mode, paths),
        (None, [mode, paths @ ..]) => (ModePosition::AsOperand, mode.clone(), paths),
        (None, []) => return Ok(missing_operand(&[])),
    };
    if paths.is_empty() {
        return Ok(missing_operand(&[mode]));
    }
    let Ok(change) = ModeChange::parse(&mode) else {
        return Ok(CommandStatus::Failure(format!("invalid mode: {}", quoted(&mode))));
    };
    let mut status = CommandStatus::default();
    for name in paths {
        let Some(path) = find_path(process, name, &mut status)? else { continue };
        if arguments.has("recursive") {
            if path.is_empty() && arguments.has("preserve-root") {
                status.fail("it is dangerous to operate recursively on '/'");
                continue;
            }
            walk(process, (path, name), &mut status, |process, path, name, status| {
                set_mode(process, (path, name), (&change, written), status)
            })?;
        } else {
            set_mode(process, (&path, name), (&change, written), &mut status)?;
        }
    }
    Ok(status)
}

/// Separates a mode like `-w` from the other arguments.
fn split_mode(words: &[String]) -> (Option<String>, Vec<String>) {
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let is_mode = |word: &&String| {
        let letters = word.strip_prefix('-').unwrap_or_default();
        let mut letters = letters.chars().peekable();
        letters.peek().is_some_and(|first| *first != '-')
            && letters.all(|letter| "rwxXstugoa,+-=01234567".contains(letter))
    };
    let modes: Vec<&str> = words[..end].iter().filter(is_mode).map(String::as_str).collect();
    let mode = (!modes.is_empty()).then(|| modes.join(","));
    let others = words[..end].iter().filter(|word| !is_mode(word));
    (mode, others.chain(&words[end..]).cloned().collect())
}

fn find_path(
    process: &Process<'_>,
    name: &str,
    status: &mut CommandStatus,
) -> Result<Option<String>, CommandRefusal> {
    let found = process.stat(name, FollowLast::Yes);
    if found == Err(Errno::NoEntry.into()) && process.stat(name, FollowLast::No).is_ok() {
        status.fail(format!("cannot operate on dangling symlink {}", quoted(name)));
        return Ok(None);
    }
    status.record(found, || format!("cannot access {}", quoted(name)))
}

fn set_mode(
    process: &mut Process<'_>,
    (path, name): (&str, &str),
    (change, written): (&ModeChange, ModePosition),
    status: &mut CommandStatus,
) -> Result<(), CommandRefusal> {
    let Some(node) = process.tree.get(path) else { return Ok(()) };
    let subject = match node.kind {
        TreeNodeKind::Symlink(_) => return Ok(()),
        TreeNodeKind::Directory => ModeSubject::Directory,
        _ => ModeSubject::File,
    };
    let mode = change.apply(node.mode, subject, process.umask);
    let naive = change.apply(node.mode, subject, 0);
    let what = || format!("changing permissions of {}", quoted(name));
    let done = status.record(process.chmod(path, mode), what)?;
    if done.is_some() && written == ModePosition::AsOption && mode & !naive != 0 {
        status.fail(format!("{}: new permissions are {mode:o}, not {naive:o}", quoted(name)));
    }
    Ok(())
}

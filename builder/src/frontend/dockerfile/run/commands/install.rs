//! `install` copies files and sets their mode and owner, or makes directories.

use super::super::options::{CommandArguments, KnownOption, OptionValue};
use super::super::process::{Process, parent_path};
use super::super::status::{CommandRefusal, CommandStatus, missing_operand, quoted};
use super::cp::each_pair;
use super::{chown, mkdir};
use crate::frontend::dockerfile::tree::{FollowLast, ModeChange, ModeSubject, TreeNodeKind};

const OPTIONS: &[KnownOption] = &[
    ("m", "mode", OptionValue::Value),
    ("o", "owner", OptionValue::Value),
    ("g", "group", OptionValue::Value),
    ("d", "directory", OptionValue::Nothing),
    ("D", "", OptionValue::Nothing),
    ("p", "preserve-timestamps", OptionValue::Nothing),
    ("c", "compare", OptionValue::Nothing),
    ("v", "verbose", OptionValue::Nothing),
    ("T", "no-target-directory", OptionValue::Nothing),
    ("t", "target-directory", OptionValue::Value),
];

pub(super) fn install(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    // `-c` alone is ignored, and means nothing.
    let arguments = CommandArguments::parse("install", OPTIONS, words)?;
    if arguments.operands.is_empty() {
        return Ok(CommandStatus::Failure("missing file operand".into()));
    }
    let Ok(change) = ModeChange::parse(arguments.value("mode").unwrap_or("755")) else {
        let mode = arguments.value("mode").unwrap_or_default();
        return Ok(CommandStatus::Failure(format!("invalid mode {}", quoted(mode))));
    };
    if arguments.has("directory") {
        return make_directories(process, &arguments, &change);
    }
    if arguments.has("") {
        let failed = make_parents(process, &arguments)?;
        if failed != CommandStatus::Success {
            return Ok(failed);
        }
    }
    each_pair(process, &arguments, |process, from, to, status| {
        install_file(process, (from, to), &arguments, &change, status)
    })
}

fn make_directories(
    process: &mut Process<'_>,
    arguments: &CommandArguments,
    change: &ModeChange,
) -> Result<CommandStatus, CommandRefusal> {
    let mut status = CommandStatus::default();
    for path in &arguments.operands {
        make_all(process, path, &mut status)?;
        set_attributes(process, path, arguments, change, &mut status)?;
    }
    Ok(status)
}

/// Makes the directories that the destination is in, for `-D`.
fn make_parents(
    process: &mut Process<'_>,
    arguments: &CommandArguments,
) -> Result<CommandStatus, CommandRefusal> {
    let mut status = CommandStatus::default();
    match (arguments.value("target-directory"), arguments.operands.as_slice()) {
        (Some(directory), _) => make_all(process, directory, &mut status)?,
        (None, [_, target]) => match parent_path(target) {
            "" => {}
            parent => make_all(process, parent, &mut status)?,
        },
        (None, operands) if operands.len() < 2 => return Ok(missing_operand(operands)),
        (None, _) => {}
    }
    Ok(status)
}

/// Makes a directory and its parents, whose modes the umask does not change.
fn make_all(
    process: &mut Process<'_>,
    path: &str,
    status: &mut CommandStatus,
) -> Result<(), CommandRefusal> {
    let umask = std::mem::replace(&mut process.umask, 0o022);
    let made = mkdir::mkdir(process, &["-p".to_owned(), "--".to_owned(), path.to_owned()]);
    process.umask = umask;
    if let CommandStatus::Failure(message) = made? {
        status.fail(message);
    }
    Ok(())
}

/// Copies a file to a new one: what exists is removed first.
fn install_file(
    process: &mut Process<'_>,
    (from, to): (&str, &str),
    arguments: &CommandArguments,
    change: &ModeChange,
    status: &mut CommandStatus,
) -> Result<(), CommandRefusal> {
    let what = || format!("cannot stat {}", quoted(from));
    let Some((path, node)) = status.record(process.node(from, FollowLast::Yes), what)? else {
        return Ok(());
    };
    if !matches!(node.kind, TreeNodeKind::File(_)) {
        status.fail(format!("omitting directory {}", quoted(from)));
        return Ok(());
    }
    let old = process.stat(to, FollowLast::No);
    if old.as_ref().is_ok_and(|old| *old == path) {
        status.fail(format!("{} and {} are the same file", quoted(from), quoted(to)));
        return Ok(());
    }
    let what = || format!("cannot open {} for reading", quoted(from));
    let Some(content) = status.record(process.read(from), what)? else { return Ok(()) };
    if let Ok(old) = old {
        if process.is_directory_at(&old) {
            let text = format!("cannot overwrite directory {} with non-directory", quoted(to));
            status.fail(text);
            return Ok(());
        }
        let what = || format!("cannot remove {}", quoted(to));
        if status.record(process.unlink(&old), what)?.is_none() {
            return Ok(());
        }
    }
    let what = || format!("cannot create regular file {}", quoted(to));
    if status.record(process.write(to, content), what)?.is_some() {
        set_attributes(process, to, arguments, change, status)?;
    }
    Ok(())
}

/// Sets the mode, which the umask does not change, and the owner.
fn set_attributes(
    process: &mut Process<'_>,
    path: &str,
    arguments: &CommandArguments,
    change: &ModeChange,
    status: &mut CommandStatus,
) -> Result<(), CommandRefusal> {
    let Ok(resolved) = process.stat(path, FollowLast::Yes) else { return Ok(()) };
    let (owner, group) = (arguments.value("owner"), arguments.value("group"));
    if owner.is_some() || group.is_some() {
        let owner = owner.unwrap_or_default();
        let recipient = group.map_or(owner.to_owned(), |group| format!("{owner}:{group}"));
        let words = ["--".to_owned(), recipient, path.to_owned()];
        if let CommandStatus::Failure(message) = chown::chown(process, &words)? {
            status.fail(message);
        }
    }
    let is_directory = process.is_directory_at(&resolved);
    let subject = if is_directory { ModeSubject::Directory } else { ModeSubject::File };
    let inherited = process.tree.get(&resolved).map_or(0, |node| match subject {
        ModeSubject::Directory => node.mode & 0o6000,
        ModeSubject::File => 0,
    });
    let mode = change.apply(inherited, subject, 0);
    let what = || format!("cannot change permissions of {}", quoted(path));
    status.record(process.chmod(&resolved, mode), what)?;
    Ok(())
}

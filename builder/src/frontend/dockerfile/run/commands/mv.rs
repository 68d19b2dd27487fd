//! `mv` moves files and directories.

use super::super::fault::Errno;
use super::super::options::{CommandArguments, KnownOption, OptionValue};
use super::super::process::Process;
use super::super::status::{CommandRefusal, CommandStatus, quoted};
use super::cp::each_pair;
use crate::frontend::dockerfile::tree::{FollowLast, TreeNodeKind};

const OPTIONS: &[KnownOption] = &[
    ("n", "no-clobber", OptionValue::Nothing),
    ("f", "force", OptionValue::Nothing),
    ("v", "verbose", OptionValue::Nothing),
    ("T", "no-target-directory", OptionValue::Nothing),
    ("t", "target-directory", OptionValue::Value),
];

pub(super) fn mv(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    let arguments = CommandArguments::parse("mv", OPTIONS, words)?;
    each_pair(process, &arguments, |process, from, to, status| {
        if arguments.has("no-clobber") && process.stat(to, FollowLast::No).is_ok() {
            return Ok(());
        }
        rename(process, from, to, status)
    })
}

/// Moves a file, link or directory.
fn rename(
    process: &mut Process<'_>,
    from: &str,
    to: &str,
    status: &mut CommandStatus,
) -> Result<(), CommandRefusal> {
    let what = || format!("cannot stat {}", quoted(from));
    let Some((old, node)) = status.record(process.node(from, FollowLast::No), what)? else {
        return Ok(());
    };
    let what = || format!("cannot move {} to {}", quoted(from), quoted(to));
    let is_directory = node.kind == TreeNodeKind::Directory;
    if !is_directory && to.ends_with('/') {
        status.fail(format!("{}: {}", what(), Errno::NotDirectory));
        return Ok(());
    }
    let trimmed = if is_directory { to.trim_end_matches('/') } else { to };
    let Some(new) = status.record(process.lookup(trimmed, FollowLast::No), what)? else {
        return Ok(());
    };
    if new.path == old {
        status.fail(format!("{} and {} are the same file", quoted(from), quoted(to)));
        return Ok(());
    }
    if is_directory && new.path.starts_with(&format!("{old}/")) {
        let text =
            format!("cannot move {} to a subdirectory of itself, {}", quoted(from), quoted(to));
        status.fail(text);
        return Ok(());
    }
    match (is_directory, process.is_directory_at(&new.path), new.exists) {
        (false, true, _) => {
            status.fail(format!("cannot overwrite directory {} with non-directory", quoted(to)));
            return Ok(());
        }
        (true, false, true) => {
            let text = "cannot overwrite non-directory {} with directory {}";
            let text = text.replacen("{}", &quoted(to), 1).replacen("{}", &quoted(from), 1);
            status.fail(text);
            return Ok(());
        }
        (true, true, _) if process.tree.children(&new.path).next().is_some() => {
            status.fail(format!("{}: {}", what(), Errno::NotEmpty));
            return Ok(());
        }
        _ => {}
    }
    let allowed = process.may_remove(&old).and_then(|()| process.may_create(&new.path));
    if status.record(allowed, what)?.is_some() {
        let moved = process.move_node(&old, &new.path);
        status.record(moved, what)?;
    }
    Ok(())
}

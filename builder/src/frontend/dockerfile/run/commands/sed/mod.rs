//! `sed` edits small texts: `s` and `d`, with addresses, in files or in a stream. What GNU sed and
//! busybox do not understand alike is refused.

mod edit;
mod parse_regex;
mod regex;
mod script;
mod substitution;

use self::edit::edit_text;
use self::regex::RegexSyntax;
use self::script::{SedCommand, parse_script};
use super::super::content::Content;
use super::super::fault::Errno;
use super::super::options::{CommandArguments, KnownOption, OptionValue};
use super::super::process::{Process, parent_path};
use super::super::status::{CommandRefusal, CommandStatus, escaped};
use crate::frontend::dockerfile::tree::{FileNode, FollowLast, TreeNode, TreeNodeKind};
use crate::oci::tar::Owner;
use crate::recipe::{SourceLocation, SourceRecipe, SourceRole};

const OPTIONS: &[KnownOption] = &[
    ("e", "expression", OptionValue::Value),
    ("Er", "regexp-extended", OptionValue::Nothing),
    ("i", "in-place", OptionValue::Nothing),
];

pub(super) fn sed(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    check_suffix(words)?;
    let arguments = CommandArguments::parse("sed", OPTIONS, words)?;
    let mut script = arguments.values("expression").collect::<Vec<_>>().join("\n");
    let mut files = arguments.operands.as_slice();
    if !arguments.has("expression") {
        let [first, rest @ ..] = files else {
            return Err(CommandRefusal::new("`sed` is evaluated with a script"));
        };
        (script, files) = (first.clone(), rest);
    }
    let syntax =
        if arguments.has("regexp-extended") { RegexSyntax::Extended } else { RegexSyntax::Basic };
    let commands = parse_script(&script, syntax)?;
    let mut status = CommandStatus::default();
    if arguments.has("in-place") {
        if files.is_empty() {
            return Ok(CommandStatus::Failure("no input files".into()));
        }
        for path in files {
            edit_file(process, path, &commands, &mut status)?;
        }
        return Ok(status);
    }
    let content = match files {
        [] => Some(std::mem::take(&mut process.input)),
        [path] if path == "-" => Some(std::mem::take(&mut process.input)),
        [path] if process.is_directory(path) => {
            status.fail(format!("read error on {}: {}", escaped(path), Errno::IsDirectory));
            None
        }
        [path] => status.record(process.read(path), || read_message(path))?,
        _ => return Err(CommandRefusal::new("`sed` is evaluated with one file, or with `-i`")),
    };
    if let Some(content) = content {
        let output = edit_content(process, &content, &commands)?;
        process.print(Content::Text(output))?;
    }
    Ok(status)
}

/// Refuses a suffix for copies of the files: `-i.bak`, and `-ie`, which has the suffix `e`.
fn check_suffix(words: &[String]) -> Result<(), CommandRefusal> {
    let short = words.iter().filter(|word| !word.starts_with("--"));
    for letters in short.filter_map(|word| word.strip_prefix('-')) {
        let options = letters.split('e').next().unwrap_or_default();
        let behind = options.split_once('i').map(|_| letters.split_once('i'));
        if behind.flatten().is_some_and(|(_, suffix)| !suffix.is_empty()) {
            let message = "`sed -i` is evaluated without a suffix for copies";
            return Err(CommandRefusal::new(message).help("write `-i` as a word of its own"));
        }
    }
    Ok(())
}

fn read_message(path: &str) -> String {
    format!("can't read {}", escaped(path))
}

fn edit_content(
    process: &Process<'_>,
    content: &Content,
    commands: &[SedCommand],
) -> Result<Vec<u8>, CommandRefusal> {
    let Some(text) = content.text(process.inputs) else {
        let message = "`sed` is evaluated for small texts that are known before the build";
        return Err(CommandRefusal::new(message));
    };
    edit_text(&text, commands, &process.budget)
}

/// Replaces a file by an edited one, with its mode and, where the user may do that, its owner. As
/// with GNU sed, a link is replaced too, and other names keep the old content.
fn edit_file(
    process: &mut Process<'_>,
    path: &str,
    commands: &[SedCommand],
    status: &mut CommandStatus,
) -> Result<(), CommandRefusal> {
    let found = process.node(path, FollowLast::Yes);
    let Some((_, old)) = status.record(found, || read_message(path))? else { return Ok(()) };
    if !matches!(old.kind, TreeNodeKind::File(_)) {
        status.fail(format!("couldn't edit {}: not a regular file", escaped(path)));
        return Ok(());
    }
    let content = status.record(process.read(path), || read_message(path))?;
    let Some(content) = content else { return Ok(()) };
    let output = edit_content(process, &content, commands)?;
    let what = || format!("cannot rename {}", escaped(path));
    let Some(name) = status.record(process.stat(path, FollowLast::No), what)? else {
        return Ok(());
    };
    let what = || format!("couldn't open temporary file for {}", escaped(path));
    let allowed = process.may_create(&name).map(|()| process.owner_below(parent_path(&name)));
    let Some(own) = status.record(allowed, what)? else { return Ok(()) };
    let what = || format!("cannot rename {}", escaped(path));
    if status.record(process.unlink(&name), what)?.is_none() {
        return Ok(());
    }
    let Owner { uid, gid } = old.owner;
    let owner = match process.identity {
        identity if identity.is_root() => old.owner,
        identity if identity.owner.uid == uid && identity.is_member(gid) => old.owner,
        identity if identity.is_member(gid) => Owner { gid, ..own },
        _ => own,
    };
    let size = Some(output.len() as u64);
    let source = SourceRecipe::new(SourceLocation::Inline(output.into()), SourceRole::File);
    let kind = TreeNodeKind::File(FileNode { source, size, inode: None });
    let put = process.tree.put(&name, TreeNode::new(kind, old.mode, owner));
    put.map_err(|error| CommandRefusal::new(error.to_string()))
}

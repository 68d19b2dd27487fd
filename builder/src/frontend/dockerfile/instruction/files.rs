//! Reading of COPY and ADD.

use super::error::{InstructionError, error_at, require_words};
use super::flags::{FlagValue, InstructionFlags};
use super::{CopyInstruction, FlagSwitch};
use crate::frontend::dockerfile::syntax::{DockerfileWord, WrittenInstruction};
use crate::recipe::diagnostic::Diagnostic;

pub(super) const COPY_FLAGS: &[(&str, FlagValue)] = &[
    ("from", FlagValue::Value),
    ("chown", FlagValue::Value),
    ("chmod", FlagValue::Value),
    ("link", FlagValue::Switch),
    ("parents", FlagValue::Switch),
    ("exclude", FlagValue::Values),
];

pub(super) const ADD_FLAGS: &[(&str, FlagValue)] = &[
    ("chown", FlagValue::Value),
    ("chmod", FlagValue::Value),
    ("link", FlagValue::Switch),
    ("exclude", FlagValue::Values),
    ("checksum", FlagValue::Value),
    ("unpack", FlagValue::Switch),
    ("keep-git-dir", FlagValue::Switch),
];

/// Reads a COPY or an ADD.
pub(super) fn read_copy(
    written: WrittenInstruction,
    mut flags: InstructionFlags,
) -> Result<CopyInstruction, InstructionError> {
    let at = written.keyword;
    let keyword = at.text.to_ascii_uppercase();
    let mut sources = require_words(&at, written.arguments).unwrap_or_default();
    let destination = sources.pop();
    if !written.heredocs.is_empty() {
        if let Some(word) = destination.as_ref().filter(|word| word.text.contains("<<")) {
            let message = format!("{keyword} cannot accept a heredoc as a destination");
            return Err(error_at(word, message, "write the destination after it"));
        }
        let is_document = |word: &DockerfileWord| {
            word.text.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with("<<")
        };
        sources.retain(|word| !is_document(word));
    }
    let Some(destination) =
        destination.filter(|_| !sources.is_empty() || !written.heredocs.is_empty())
    else {
        let message =
            format!("{keyword} requires at least two arguments, a source and a destination");
        return Err(error_at(&at, message, &format!("for example `{keyword} disk.qcow2 /disk/`")));
    };
    refuse_git(&keyword, &sources, &mut flags)?;
    Ok(CopyInstruction {
        sources,
        heredocs: written.heredocs,
        destination,
        from: flags.take_value("from"),
        chown: flags.take_value("chown"),
        chmod: flags.take_value("chmod"),
        exclude: flags.take_values("exclude"),
        parents: flags.take_switch("parents").map_or(FlagSwitch::Off, |(switch, _)| switch),
        link: flags.take_switch("link").map_or(FlagSwitch::Off, |(switch, _)| switch),
        checksum: flags.take_value("checksum"),
        unpack: flags.take_switch("unpack"),
    })
}

/// Refuses sources and flags of git repositories, which are not cloned.
fn refuse_git(
    keyword: &str,
    sources: &[DockerfileWord],
    flags: &mut InstructionFlags,
) -> Result<(), InstructionError> {
    if let Some(git) = sources.iter().find(|word| keyword == "ADD" && is_git(&word.text)) {
        let message = format!("`{}` is a git repository, which is not cloned here", git.text);
        return Err(error_at(git, message, "clone it before the build, and COPY what is needed"));
    }
    if let Some((_, span)) = flags.take_switch("keep-git-dir") {
        let problem =
            Diagnostic::new("--keep-git-dir is for git repositories, which are not cloned here");
        return Err(InstructionError::Unreported(Box::new(problem.at(span).help("remove it"))));
    }
    Ok(())
}

/// Returns whether a source of ADD is a git repository (moby/buildkit `util/gitutil`).
fn is_git(source: &str) -> bool {
    let path = source.split('#').next().unwrap_or(source);
    let is_ssh = path.split_once('@').is_some_and(|(user, rest)| {
        !user.contains(['/', ':']) && rest.contains(':') && !user.is_empty()
    });
    let is_web = source.starts_with("https://") || source.starts_with("http://");
    source.starts_with("git://")
        || source.starts_with("ssh://")
        || is_ssh
        || is_web && path.strip_suffix(".git").is_some()
}

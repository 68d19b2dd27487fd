//! COPY and ADD, which take files.

use super::flags::{Flags, Takes};
use super::problem::{Wrong, words, wrong};
use super::{Copy, Switch};
use crate::frontend::dockerfile::syntax::{Word, Written};
use crate::recipe::diagnostic::Diagnostic;

pub(super) const COPY_FLAGS: &[(&str, Takes)] = &[
    ("from", Takes::Value),
    ("chown", Takes::Value),
    ("chmod", Takes::Value),
    ("link", Takes::Switch),
    ("parents", Takes::Switch),
    ("exclude", Takes::Values),
];

pub(super) const ADD_FLAGS: &[(&str, Takes)] = &[
    ("chown", Takes::Value),
    ("chmod", Takes::Value),
    ("link", Takes::Switch),
    ("exclude", Takes::Values),
    ("checksum", Takes::Value),
    ("unpack", Takes::Switch),
    ("keep-git-dir", Takes::Switch),
];

/// Reads either.
pub(super) fn copy(written: Written, mut flags: Flags) -> Result<Copy, Wrong> {
    let at = written.keyword;
    let keyword = at.text.to_ascii_uppercase();
    let mut sources = words(&at, written.arguments).unwrap_or_default();
    let destination = sources.pop();
    if !written.heredocs.is_empty() {
        if let Some(word) = destination.as_ref().filter(|word| word.text.contains("<<")) {
            let message = format!("{keyword} cannot accept a heredoc as a destination");
            return Err(wrong(word, message, "write where it shall go behind it"));
        }
        let is_document = |word: &Word| {
            word.text.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with("<<")
        };
        sources.retain(|word| !is_document(word));
    }
    let Some(destination) =
        destination.filter(|_| !sources.is_empty() || !written.heredocs.is_empty())
    else {
        let message =
            format!("{keyword} requires at least two arguments, a source and a destination");
        return Err(wrong(&at, message, &format!("for example `{keyword} disk.qcow2 /disk/`")));
    };
    refuse_git(&keyword, &sources, &mut flags)?;
    Ok(Copy {
        sources,
        heredocs: written.heredocs,
        destination,
        from: flags.value("from"),
        chown: flags.value("chown"),
        chmod: flags.value("chmod"),
        exclude: flags.values("exclude"),
        parents: flags.switch("parents").map_or(Switch::Off, |(switch, _)| switch),
        link: flags.switch("link").map_or(Switch::Off, |(switch, _)| switch),
        checksum: flags.value("checksum"),
        unpack: flags.switch("unpack"),
    })
}

/// Git repositories are not cloned.
fn refuse_git(keyword: &str, sources: &[Word], flags: &mut Flags) -> Result<(), Wrong> {
    if let Some(git) = sources.iter().find(|word| keyword == "ADD" && is_git(&word.text)) {
        let message = format!("`{}` is a git repository, which is not cloned here", git.text);
        return Err(wrong(git, message, "clone it before the build, and COPY what is needed"));
    }
    if let Some((_, span)) = flags.switch("keep-git-dir") {
        let problem =
            Diagnostic::new("--keep-git-dir is for git repositories, which are not cloned here");
        return Err(Wrong::New(Box::new(problem.at(span).help("remove it"))));
    }
    Ok(())
}

/// Tells whether a source of ADD is a git repository (moby/buildkit `util/gitutil`).
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

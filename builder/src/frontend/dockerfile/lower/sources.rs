//! The *sources* of COPY and ADD: which are downloaded, what each of the others matches, and what
//! is wrong with those that match nothing.

use super::copy_operation::ParentDirectories;
use super::copy_request::CopyRequest;
use super::origin::{CopyOrigin, FoundSource, OriginError};
use super::result::{EvaluationResult, tree_diagnostic};
use crate::frontend::dockerfile::instruction::{CopyInstruction, FlagSwitch};
use crate::frontend::dockerfile::pattern::{DoubleStar, clean_path, has_wildcards};
use crate::frontend::dockerfile::syntax::DockerfileWord;
use crate::frontend::dockerfile::tree::Tree;
use crate::recipe::diagnostic::{Diagnostic, Span};

/// Returns whether a source of ADD is downloaded.
pub(super) fn is_url(source: &str) -> bool {
    source.starts_with("http://") || source.starts_with("https://")
}

/// Returns the files, directories and links that a source matches.
pub(super) fn find_sources(
    origin: &CopyOrigin<'_>,
    source: &str,
    word: &DockerfileWord,
    copy: &CopyInstruction,
) -> EvaluationResult<Vec<FoundSource>> {
    let is_context = matches!(origin, CopyOrigin::Context { .. });
    if is_context && leaves_context(source) {
        let problem = Diagnostic::new(format!("`{source}` is outside the build context"));
        let help = "sources are relative to the context; build in a directory further up, or use --build-context";
        return Err(Box::new(problem.at(word.span.clone()).help(help)));
    }
    let stars = match copy.parents {
        FlagSwitch::On => DoubleStar::Across,
        FlagSwitch::Off => DoubleStar::Within,
    };
    let found = origin
        .find_sources(source, stars)
        .map_err(|error| origin_diagnostic(&error, &word.span))?;
    if found.is_empty() && has_wildcards(source) {
        let problem = Diagnostic::new(format!("nothing matches `{source}`"));
        let help = "a pattern has to match something; is it hidden by .dockerignore?";
        return Err(Box::new(problem.at(word.span.clone()).help(help)));
    }
    Ok(found)
}

/// Checks that the destination of several sources is a directory.
pub(super) fn check_destination(
    all: &[(FoundSource, &str, &DockerfileWord)],
    request: &CopyRequest<'_>,
    tree: &Tree,
) -> EvaluationResult<()> {
    if all.len() < 2 {
        return Ok(());
    }
    let at = &request.copy.destination.span;
    let path = request.destination.resolve(tree, &request.workdir);
    let path = path.map_err(|error| tree_diagnostic(&error, at))?;
    if request.destination.is_directory(tree, &path) {
        return Ok(());
    }
    let message = "with more than one source, the destination must be a directory and end with a /";
    let problem = Diagnostic::new(message).at(at.clone());
    Err(Box::new(problem.help(format!("write `{}`", request.destination.as_directory()))))
}

/// Returns what happens to the parent directories of a source. The pivot `/./` is found before the
/// path is cleaned, which removes it.
pub(super) fn kept_parents(copy: &CopyInstruction, source: &str) -> ParentDirectories {
    if copy.parents == FlagSwitch::Off {
        return ParentDirectories::Dropped;
    }
    let front = source.split_once("/./").map_or("", |(front, _)| front);
    let front = clean_path(&format!("/{front}"));
    ParentDirectories::Kept { skip: front.split('/').filter(|part| !part.is_empty()).count() }
}

/// Returns whether a path leaves the directory where it starts.
fn leaves_context(source: &str) -> bool {
    let mut depth = 0_i64;
    source.split('/').any(|part| {
        depth += match part {
            "" | "." => 0,
            ".." => -1,
            _ => 1,
        };
        depth < 0
    })
}

fn origin_diagnostic(error: &OriginError, at: &Span) -> Diagnostic {
    match error {
        OriginError::Context(error) => error.diagnostic(at.clone()),
        OriginError::Tree(error) => tree_diagnostic(error, at),
        OriginError::Pattern(bad) => Diagnostic::new(format!("`{}` is not a pattern", bad.pattern))
            .at(at.clone())
            .help(bad.reason.help()),
    }
}

//! The *sources* of COPY and ADD: which are downloaded, what each of the others matches, and what
//! is wrong with those that match nothing.

use super::copy_operation::CopyOperation;
use super::origin::{CopyOrigin, FoundSource, OriginError};
use super::result::{EvaluationResult, tree_diagnostic};
use crate::frontend::dockerfile::pattern::{DoubleStar, IgnoreFile, clean_path, has_wildcards};
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
) -> EvaluationResult<Vec<FoundSource>> {
    refuse_outside(origin, source, &word.span)?;
    find_matches(origin, source, DoubleStar::Within, &word.span)
}

fn refuse_outside(origin: &CopyOrigin<'_>, source: &str, at: &Span) -> EvaluationResult<()> {
    if !matches!(origin, CopyOrigin::Context { .. }) || !leaves_context(source) {
        return Ok(());
    }
    let problem = Diagnostic::new(format!("`{source}` is outside the build context"));
    let help = "sources are relative to the context; build in a directory further up, or use --build-context";
    Err(Box::new(problem.at(at.clone()).help(help)))
}

fn find_matches(
    origin: &CopyOrigin<'_>,
    source: &str,
    stars: DoubleStar,
    at: &Span,
) -> EvaluationResult<Vec<FoundSource>> {
    let found =
        origin.find_sources(source, stars).map_err(|error| origin_diagnostic(&error, at))?;
    if found.is_empty() && has_wildcards(source) {
        let problem = Diagnostic::new(format!("nothing matches `{source}`"));
        let help = "a pattern has to match something; is it hidden by .dockerignore?";
        return Err(Box::new(problem.at(at.clone()).help(help)));
    }
    Ok(found)
}

/// Copies a source of `--parents`: what its pattern selects below the root of the origin, or below
/// the directory before the pivot `/./`. Only links before the pivot are followed (moby/buildkit
/// `dockerfile2llb/convert_copy.go`).
pub(super) fn copy_with_parents(
    operation: &CopyOperation<'_>,
    source: &str,
    tree: &mut Tree,
) -> EvaluationResult<()> {
    let (origin, at) = (operation.origin, operation.at);
    refuse_outside(origin, source, at)?;
    let (directory, pattern) = source.split_once("/./").unwrap_or(("/", source));
    let pattern = clean_path(&format!("/{pattern}"));
    let pattern = if pattern == "/" { "**" } else { pattern.trim_start_matches('/') };
    let selection = IgnoreFile::new([pattern])
        .map_err(|bad| origin_diagnostic(&OriginError::Pattern(bad), at))?;
    let mut any = false;
    for found in find_matches(origin, directory, DoubleStar::Within, at)? {
        let copied = operation.copy_selected(&found.path, &selection, tree);
        any |= copied.map_err(|error| tree_diagnostic(&error, at))?;
    }
    if any {
        return Ok(());
    }
    // Says why nothing is found, if the reason is known.
    find_matches(origin, source, DoubleStar::Across, at)?;
    let problem = Diagnostic::new(format!("--parents copies nothing for `{source}`"));
    let help = "it follows no symbolic link behind the pivot `/./`; is it hidden by --exclude?";
    Err(Box::new(problem.at(at.clone()).help(help)))
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

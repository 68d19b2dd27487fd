//! The *sources* of COPY and ADD: which are downloaded, what each of the others stands for, and what is wrong with
//! those that stand for nothing.

use super::copy_request::CopyRequest;
use super::copying::Parents;
use super::origin::{Match, Origin, OriginError};
use super::outcome::{Outcome, wrong_tree};
use crate::frontend::dockerfile::instruction::{Copy, Switch};
use crate::frontend::dockerfile::pattern::{Stars, clean, has_wildcards};
use crate::frontend::dockerfile::syntax::Word;
use crate::frontend::dockerfile::tree::Tree;
use crate::recipe::diagnostic::{Diagnostic, Span};

/// Tells whether a source of ADD is downloaded.
pub(super) fn is_url(source: &str) -> bool {
    source.starts_with("http://") || source.starts_with("https://")
}

/// Returns what a source stands for.
pub(super) fn find(
    origin: &Origin<'_>,
    source: &str,
    word: &Word,
    copy: &Copy,
) -> Outcome<Vec<Match>> {
    let is_context = matches!(origin, Origin::Context { .. });
    if is_context && leaves(source) {
        let problem = Diagnostic::new(format!("`{source}` is outside the build context"));
        let help = "sources are relative to the context; build in a directory further up, or use --build-context";
        return Err(Box::new(problem.at(word.span.clone()).help(help)));
    }
    let stars = match copy.parents {
        Switch::On => Stars::Across,
        Switch::Off => Stars::Within,
    };
    let found = origin.find(source, stars).map_err(|error| not_found(&error, &word.span))?;
    if found.is_empty() && has_wildcards(source) {
        let problem = Diagnostic::new(format!("nothing matches `{source}`"));
        let help = "a pattern has to match something; is it hidden by .dockerignore?";
        return Err(Box::new(problem.at(word.span.clone()).help(help)));
    }
    Ok(found)
}

/// Several files need a directory to go into.
pub(super) fn check_many(
    all: &[(Match, &str, &Word)],
    request: &CopyRequest<'_>,
    tree: &Tree,
) -> Outcome<()> {
    if all.len() < 2 {
        return Ok(());
    }
    let at = &request.copy.destination.span;
    let path = request.destination.resolve(tree, &request.workdir);
    let path = path.map_err(|error| wrong_tree(&error, at))?;
    if request.destination.is_directory(tree, &path) {
        return Ok(());
    }
    let message = "with more than one source, the destination must be a directory and end with a /";
    let problem = Diagnostic::new(message).at(at.clone());
    Err(Box::new(problem.help(format!("write `{}`", request.destination.as_directory()))))
}

/// Returns what becomes of the directories in front of a source; the pivot is cut out of it by
/// cleaning, but where it stood counts.
pub(super) fn parents(copy: &Copy, source: &str) -> Parents {
    if copy.parents == Switch::Off {
        return Parents::Dropped;
    }
    let front = source.split_once("/./").map_or("", |(front, _)| front);
    let front = clean(&format!("/{front}"));
    Parents::Kept { skip: front.split('/').filter(|part| !part.is_empty()).count() }
}

/// Tells whether a path climbs out of where it begins.
fn leaves(source: &str) -> bool {
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

fn not_found(error: &OriginError, at: &Span) -> Diagnostic {
    match error {
        OriginError::Context(error) => error.diagnostic(at.clone()),
        OriginError::Tree(error) => wrong_tree(error, at),
        OriginError::Pattern(bad) => Diagnostic::new(format!("`{}` is not a pattern", bad.pattern))
            .at(at.clone())
            .help(bad.reason.help()),
    }
}

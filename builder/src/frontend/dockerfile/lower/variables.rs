//! *Variables* in the words of a Dockerfile, which are replaced by their values.

use std::collections::BTreeSet;

use super::result::EvaluationResult;
use crate::frontend::dockerfile::expand::{ExpandError, Expander};
use crate::frontend::dockerfile::stages::Dockerfile;
use crate::frontend::dockerfile::syntax::DockerfileWord;
use crate::recipe::diagnostic::{Diagnostic, Span};

/// Replaces the variables in a word.
pub(super) fn expand_word(
    dockerfile: &Dockerfile,
    lookup: &dyn Fn(&str) -> Option<String>,
    word: &DockerfileWord,
) -> EvaluationResult<String> {
    let expander = Expander::new(dockerfile.escape, lookup);
    Ok(expander.expand_word(&word.text).map_err(|error| expand_diagnostic(&error, &word.span))?)
}

/// Replaces the variables in a word; also returns those that were replaced by nothing because they
/// are not set.
pub(super) fn expand_with_unset(
    dockerfile: &Dockerfile,
    lookup: &dyn Fn(&str) -> Option<String>,
    word: &DockerfileWord,
) -> EvaluationResult<(String, BTreeSet<String>)> {
    let expander = Expander::new(dockerfile.escape, lookup);
    let text = expander.expand_word(&word.text);
    let text = text.map_err(|error| expand_diagnostic(&error, &word.span))?;
    Ok((text, expander.unset_names()))
}

/// Replaces the variables in a word, which may become several.
pub(super) fn expand_words(
    dockerfile: &Dockerfile,
    lookup: &dyn Fn(&str) -> Option<String>,
    word: &DockerfileWord,
) -> EvaluationResult<Vec<String>> {
    let expander = Expander::new(dockerfile.escape, lookup);
    Ok(expander.expand_words(&word.text).map_err(|error| expand_diagnostic(&error, &word.span))?)
}

fn expand_diagnostic(error: &ExpandError, at: &Span) -> Diagnostic {
    Diagnostic::new(error.to_string()).at(at.clone()).help(error.help())
}

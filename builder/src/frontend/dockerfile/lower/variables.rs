//! *Variables* in the words of a Dockerfile, which are replaced by their values.

use super::outcome::Outcome;
use crate::frontend::dockerfile::expand::{ExpandError, Expander};
use crate::frontend::dockerfile::stages::Dockerfile;
use crate::frontend::dockerfile::syntax::Word;
use crate::recipe::diagnostic::{Diagnostic, Span};

/// Replaces the variables in a word.
pub(super) fn expand(
    dockerfile: &Dockerfile,
    lookup: &dyn Fn(&str) -> Option<String>,
    word: &Word,
) -> Outcome<String> {
    let expander = Expander::new(dockerfile.escape, lookup);
    Ok(expander.word(&word.text).map_err(|error| not_expanded(&error, &word.span))?)
}

/// Replaces the variables in a word, which may become several.
pub(super) fn expand_words(
    dockerfile: &Dockerfile,
    lookup: &dyn Fn(&str) -> Option<String>,
    word: &Word,
) -> Outcome<Vec<String>> {
    let expander = Expander::new(dockerfile.escape, lookup);
    Ok(expander.words(&word.text).map_err(|error| not_expanded(&error, &word.span))?)
}

fn not_expanded(error: &ExpandError, at: &Span) -> Diagnostic {
    Diagnostic::new(error.to_string()).at(at.clone()).help(error.help())
}

//! The *evaluation* of a stage: the stage as it is at one moment, and what its instructions see.

use std::collections::BTreeMap;

use super::loader::Loader;
use super::outcome::Outcome;
use super::stage::Stage;
use super::variables::{expand, expand_words};
use crate::frontend::dockerfile::scope::StageScope;
use crate::frontend::dockerfile::syntax::Word;
use crate::frontend::dockerfile::tree::{Accounts, UserIdentity};
use crate::recipe::diagnostic::{Diagnostic, Span};

/// A stage that is being evaluated.
pub(super) struct Evaluation<'e, 'a> {
    pub(super) loader: &'e Loader<'a>,
    /// Those that are finished.
    pub(super) stages: &'e BTreeMap<usize, (Stage, StageScope<'a>)>,
    pub(super) number: usize,
    pub(super) stage: Stage,
    pub(super) variables: StageScope<'a>,
}

impl Evaluation<'_, '_> {
    /// Returns a word that must not be empty.
    pub(super) fn named(&self, word: &Word, what: &str) -> Outcome<String> {
        let text = self.expand(word)?;
        if text.trim().is_empty() {
            let problem = Diagnostic::new(format!("{what} can not be an empty string"));
            return Err(Box::new(problem.at(word.span.clone()).help("is a variable not set?")));
        }
        Ok(text)
    }

    /// Replaces the variables in names and values.
    pub(super) fn pairs(&self, pairs: &[(Word, Word)]) -> Outcome<Vec<(String, String)>> {
        let pair = |(name, value): &(Word, Word)| Ok((self.expand(name)?, self.expand(value)?));
        pairs.iter().map(pair).collect()
    }

    /// Replaces the variables in a word.
    pub(super) fn expand(&self, word: &Word) -> Outcome<String> {
        expand(self.loader.request.dockerfile, &|name: &str| self.variables.get(name), word)
    }

    /// Replaces the variables in a word, which may become several.
    pub(super) fn expand_words(&self, word: &Word) -> Outcome<Vec<String>> {
        let dockerfile = self.loader.request.dockerfile;
        expand_words(dockerfile, &|name: &str| self.variables.get(name), word)
    }

    /// Returns the users and groups of the stage's own files.
    pub(super) fn accounts(&self) -> Accounts {
        self.stage.accounts(|tree, path| self.loader.read(tree, path))
    }

    /// Returns who USER is; `at` is where that matters.
    pub(super) fn identity(&self, at: &Span) -> Outcome<UserIdentity> {
        let user = self.stage.user();
        let user = if user.is_empty() { "0:0" } else { user };
        self.accounts().identity(user).map_err(|error| {
            Box::new(Diagnostic::new(error.to_string()).at(at.clone()).help(error.help()))
        })
    }
}

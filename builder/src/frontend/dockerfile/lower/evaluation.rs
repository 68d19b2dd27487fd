//! The *evaluation* of a stage: its state so far, and what its instructions see.

use std::collections::BTreeMap;

use super::loader::StageLoader;
use super::result::EvaluationResult;
use super::stage::StageState;
use super::variables::{expand_word, expand_words};
use crate::frontend::dockerfile::scope::StageScope;
use crate::frontend::dockerfile::syntax::DockerfileWord;
use crate::frontend::dockerfile::tree::{Accounts, UserIdentity};
use crate::recipe::diagnostic::{Diagnostic, Span};

/// A stage that is being evaluated.
pub(super) struct Evaluation<'e, 'a> {
    pub(super) loader: &'e StageLoader<'a>,
    /// Finished stages by number, with their variables.
    pub(super) stages: &'e BTreeMap<usize, (StageState, StageScope<'a>)>,
    pub(super) number: usize,
    pub(super) stage: StageState,
    pub(super) variables: StageScope<'a>,
}

impl Evaluation<'_, '_> {
    /// Replaces the variables in a word; fails if the result is empty.
    pub(super) fn expand_nonempty(
        &self,
        word: &DockerfileWord,
        what: &str,
    ) -> EvaluationResult<String> {
        let text = self.expand_word(word)?;
        if text.trim().is_empty() {
            let problem = Diagnostic::new(format!("{what} can not be an empty string"));
            return Err(Box::new(problem.at(word.span.clone()).help("is a variable not set?")));
        }
        Ok(text)
    }

    /// Replaces the variables in names and values.
    pub(super) fn expand_pairs(
        &self,
        pairs: &[(DockerfileWord, DockerfileWord)],
    ) -> EvaluationResult<Vec<(String, String)>> {
        let pair = |(name, value): &(DockerfileWord, DockerfileWord)| {
            Ok((self.expand_word(name)?, self.expand_word(value)?))
        };
        pairs.iter().map(pair).collect()
    }

    /// Replaces the variables in a word.
    pub(super) fn expand_word(&self, word: &DockerfileWord) -> EvaluationResult<String> {
        expand_word(self.loader.request.dockerfile, &|name: &str| self.variables.get(name), word)
    }

    /// Replaces the variables in a word, which may become several.
    pub(super) fn expand_words(&self, word: &DockerfileWord) -> EvaluationResult<Vec<String>> {
        let dockerfile = self.loader.request.dockerfile;
        expand_words(dockerfile, &|name: &str| self.variables.get(name), word)
    }

    /// Returns the users and groups of the stage's own files.
    pub(super) fn accounts(&self) -> Accounts {
        self.stage.accounts(|tree, path| self.loader.read_small_file(tree, path))
    }

    /// Returns the identity that USER names; `at` is the position for errors.
    pub(super) fn identity(&self, at: &Span) -> EvaluationResult<UserIdentity> {
        let user = self.stage.user();
        let user = if user.is_empty() { "0:0" } else { user };
        self.accounts().find_identity(user).map_err(|error| {
            Box::new(Diagnostic::new(error.to_string()).at(at.clone()).help(error.help()))
        })
    }
}

//! The *evaluation* of a stage: its state so far, and what its instructions see.

use std::collections::BTreeMap;

use super::loader::StageLoader;
use super::result::EvaluationResult;
use super::stage::StageState;
use super::variables::{expand_with_unset, expand_word, expand_words};
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
        let lookup = |name: &str| {
            let value = self.variables.get(name);
            if value.is_none() {
                // The base may set it.
                self.stage.tree.use_base();
            }
            value
        };
        expand_word(self.loader.request.dockerfile, &lookup, word)
    }

    /// Replaces the variables in a source or destination. One that is not set is an error: without it
    /// the path names something else, at worst all of the context.
    pub(super) fn expand_path(&self, word: &DockerfileWord) -> EvaluationResult<String> {
        let dockerfile = self.loader.request.dockerfile;
        let lookup = |name: &str| self.variables.get(name);
        let (path, unset) = expand_with_unset(dockerfile, &lookup, word)?;
        let is_wrong = |name: &&String| path.is_empty() || !self.variables.declares(name);
        let Some(name) = unset.iter().find(is_wrong) else { return Ok(path) };
        let problem = Diagnostic::new(format!("the variable `{name}` is not set in this stage"));
        let help = if self.variables.declares(name) {
            format!("give it a value: `ARG {name}=…`, or `--build-arg {name}=…`")
        } else if self.variables.is_global(name) {
            format!(
                "an ARG in front of FROM is for FROM lines; write `ARG {name}` in this stage too"
            )
        } else {
            format!("declare it with ARG or ENV; where it may be missing, write `${{{name}:-}}`")
        };
        let rule = "UndefinedVar";
        Err(Box::new(problem.rule(rule).at(word.span.clone()).help(help)))
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
        if !["", "0", "root", "0:0"].contains(&user) {
            self.stage.tree.use_base();
        }
        let user = if user.is_empty() { "0:0" } else { user };
        self.accounts().find_identity(user).map_err(|error| {
            Box::new(Diagnostic::new(error.to_string()).at(at.clone()).help(error.help()))
        })
    }
}

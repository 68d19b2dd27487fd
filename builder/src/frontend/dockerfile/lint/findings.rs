//! The *findings* of the rules.

use std::collections::BTreeSet;

use super::options::CheckOptions;
use super::rules::LintRule;
use crate::recipe::diagnostic::{Diagnostic, Span};

/// Collects what breaks a rule that is checked.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) options: CheckOptions,
    pub(super) found: Vec<Diagnostic>,
    /// Name of the rule, offset and message of each finding.
    known: BTreeSet<(&'static str, usize, String)>,
}

/// The most findings of which the last may have a similar word: each is compared with all words.
const SUGGESTIONS_MAX: usize = 100;

impl Findings {
    /// Returns an object that has found nothing.
    pub(super) fn new(options: CheckOptions) -> Self {
        Self { options, found: Vec::new(), known: BTreeSet::new() }
    }

    /// Returns whether there are so few findings that words are compared.
    pub(super) fn has_room_for_suggestions(&self) -> bool {
        self.found.len() < SUGGESTIONS_MAX
    }

    /// Adds a finding, unless the rule is skipped in the file or in the comments of the instruction.
    pub(super) fn report(
        &mut self,
        rule: &'static LintRule,
        comments: &[String],
        at: &Span,
        message: String,
    ) {
        if !self.options.with_comments(comments).selects(rule) {
            return;
        }
        if self.known.insert((rule.name, at.range.start, message.clone())) {
            let finding = Diagnostic::new(message).rule(rule.name).at(at.clone()).help(rule.help);
            self.found.push(finding);
        }
    }
}

/// Returns the word that is most similar, of those that differ by two letters at most
/// (moby/buildkit `util/suggest`).
pub(super) fn similar_word<'w>(
    word: &str,
    known: impl Iterator<Item = &'w str>,
) -> Option<&'w str> {
    let near = known.map(|other| (strsim::levenshtein(word, other), other));
    near.filter(|(distance, _)| (1..3).contains(distance)).min().map(|(_, other)| other)
}

/// Returns a question for a similar word, to be added to a message.
pub(super) fn did_you_mean(similar: Option<&str>, prefix: &str) -> String {
    similar.map_or_else(String::new, |other| format!(" (did you mean {prefix}{other}?)"))
}

//! The *findings* of the rules.

use super::options::CheckOptions;
use super::rules::LintRule;
use crate::recipe::diagnostic::{Diagnostic, Span};

/// Collects what breaks a rule that is checked.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) options: CheckOptions,
    pub(super) found: Vec<Diagnostic>,
}

impl Findings {
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
        let finding = Diagnostic::new(message).rule(rule.name).at(at.clone()).help(rule.help);
        if !self.found.contains(&finding) {
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

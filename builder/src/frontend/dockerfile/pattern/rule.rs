//! A *rule*: one line of an ignore file.

use super::tokens::PatternTokens;
use super::{BadPattern, BadPatternReason, DoubleStar, clean_path};
use crate::recipe::diagnostic::Span;

/// What a rule does with the paths it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RuleEffect {
    /// They are ignored.
    Hide,
    /// They are not, whatever earlier rules say: `!`.
    Show,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CompiledRule {
    pub(super) effect: RuleEffect,
    /// Pattern as in the file, without surrounding white space.
    pub(super) pattern: String,
    pub(super) origin: Option<Span>,
    tokens: PatternTokens,
}

impl CompiledRule {
    /// Parses a rule as `New` of moby/patternmatcher does; white space is no rule.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, BadPattern> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let bad = |reason| BadPattern { pattern: text.into(), reason };
        let cleaned = clean_path(text);
        let (effect, pattern) = match cleaned.strip_prefix('!') {
            Some("") => return Err(bad(BadPatternReason::Alone)),
            Some(pattern) => (RuleEffect::Show, pattern),
            None => (RuleEffect::Hide, cleaned.as_str()),
        };
        let tokens = PatternTokens::parse(pattern, DoubleStar::Across).map_err(bad)?;
        Ok(Some(Self { effect, pattern: text.into(), origin: None, tokens }))
    }

    /// Returns the rule with its position.
    pub(super) fn with_origin(self, origin: Span) -> Self {
        Self { origin: Some(origin), ..self }
    }

    /// Returns a text that all paths contain that the rule matches; may be empty.
    pub(super) fn literal(&self) -> &str {
        self.tokens.longest_literal()
    }

    /// Returns whether the rule matches the path or a directory above it.
    pub(super) fn matches(&self, path: &str) -> bool {
        let is_part = |end: &usize| matches!(path.as_bytes().get(*end), None | Some(b'/'));
        self.tokens.match_ends(path).iter().any(is_part)
    }

    /// Returns whether the rule may match something below a directory that it does not match.
    pub(super) fn reaches_below(&self, directory: &str) -> bool {
        self.tokens.may_begin_with(&format!("{directory}/"))
    }
}

//! A *rule*: one line of an ignore file.

use super::tokens::Tokens;
use super::{BadPattern, BadPatternReason, Stars, clean};
use crate::recipe::diagnostic::Span;

/// What a rule does with the paths it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// They are ignored.
    Hide,
    /// They are not, whatever the rules before say: `!`.
    Show,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) effect: Effect,
    /// As in the file, without what is around it.
    pub(super) pattern: String,
    pub(super) origin: Option<Span>,
    tokens: Tokens,
}

impl Rule {
    /// Reads a rule as `New` of moby/patternmatcher does; there is none in a text of white space.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, BadPattern> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let bad = |reason| BadPattern { pattern: text.into(), reason };
        let cleaned = clean(text);
        let (effect, pattern) = match cleaned.strip_prefix('!') {
            Some("") => return Err(bad(BadPatternReason::Alone)),
            Some(pattern) => (Effect::Show, pattern),
            None => (Effect::Hide, cleaned.as_str()),
        };
        let tokens = Tokens::parse(pattern, Stars::Across).map_err(bad)?;
        Ok(Some(Self { effect, pattern: text.into(), origin: None, tokens }))
    }

    /// Returns the rule with where it is written.
    pub(super) fn at(self, origin: Span) -> Self {
        Self { origin: Some(origin), ..self }
    }

    /// Returns whether it matches the path or a directory that the path is in.
    pub(super) fn matches(&self, path: &str) -> bool {
        let is_part = |end: &usize| matches!(path.as_bytes().get(*end), None | Some(b'/'));
        self.tokens.ends(path).iter().any(is_part)
    }

    /// Returns whether it may match something below a directory, which itself it does not match.
    pub(super) fn reaches_below(&self, directory: &str) -> bool {
        self.tokens.may_begin_with(&format!("{directory}/"))
    }
}

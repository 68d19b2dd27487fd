//! An *ignore file*, `.dockerignore`: rules of which the last that matches decides. It is read as
//! by moby/patternmatcher (`ignorefile/ignorefile.go`, `patternmatcher.go`), except where its
//! regular expressions show through: `\d` is the letter d here, and `[*]` a star.

use std::sync::Arc;

use super::rule::{CompiledRule, RuleEffect};
use super::rules::RuleList;
use super::{BadPattern, clean_path};
use crate::recipe::diagnostic::{Diagnostic, SourceText, Span};

/// Rules that decide which paths are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IgnoreFile {
    rules: RuleList,
}

/// The rule that hides a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreRule {
    /// The rule's pattern, in its short form.
    pub pattern: String,
    /// Position of its line, if it is in a file.
    pub origin: Option<Span>,
}

impl IgnoreFile {
    /// Parses an ignore file.
    pub fn parse(source: &Arc<SourceText>) -> Result<Self, Diagnostic> {
        let mut rules = Vec::new();
        // Without the byte order mark that some editors write.
        let mut at = if source.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        for line in source.text[at..].split('\n') {
            let written = line.trim();
            let start = at + line.len() - line.trim_start().len();
            let span = Span::new(source, start..start + written.len());
            at += line.len() + 1;
            if line.starts_with('#') {
                continue;
            }
            let rule = CompiledRule::parse(&normalize_line(written)).map_err(|bad| {
                let bad = BadPattern { pattern: written.into(), ..bad };
                Diagnostic::new(bad.to_string()).at(span.clone()).help(bad.reason.help())
            })?;
            rules.extend(rule.map(|rule| rule.with_origin(span)));
        }
        Ok(Self { rules: RuleList::new(rules) })
    }

    /// Parses single patterns, such as those of `COPY --exclude`.
    pub fn new<'p>(patterns: impl IntoIterator<Item = &'p str>) -> Result<Self, BadPattern> {
        let rules = patterns.into_iter().filter_map(|text| CompiledRule::parse(text).transpose());
        Ok(Self { rules: RuleList::new(rules.collect::<Result<_, _>>()?) })
    }

    /// Returns whether a path is ignored: whether the last rule that matches it, or a directory
    /// above it, hides. The root is never ignored.
    pub fn is_ignored(&self, path: &str) -> bool {
        self.hiding_position(path).is_some()
    }

    /// Returns the rule that hides a path, if it is ignored.
    pub fn hiding_rule(&self, path: &str) -> Option<IgnoreRule> {
        let rule = &self.rules.as_slice()[self.hiding_position(path)?];
        Some(IgnoreRule { pattern: rule.pattern.clone(), origin: rule.origin.clone() })
    }

    /// Returns whether a directory is ignored with all that can be below it: no later `!` rule can
    /// match anything there.
    pub fn is_ignored_whole(&self, directory: &str) -> bool {
        let Some(hiding) = self.hiding_position(directory) else { return false };
        let shows =
            |rule: &CompiledRule| rule.effect == RuleEffect::Show && rule.reaches_below(directory);
        !self.rules.as_slice()[hiding..].iter().any(shows)
    }

    fn hiding_position(&self, path: &str) -> Option<usize> {
        if path.is_empty() || path == "." {
            return None;
        }
        let last = self.rules.last_match(path)?;
        (self.rules.as_slice()[last].effect == RuleEffect::Hide).then_some(last)
    }
}

/// Normalizes a line as `ReadAll` of moby/patternmatcher does: relative and clean, also after a
/// `!`.
fn normalize_line(line: &str) -> String {
    let (mark, pattern) = match line.strip_prefix('!') {
        Some(pattern) => ("!", pattern.trim()),
        None => ("", line),
    };
    if pattern.is_empty() {
        return mark.into();
    }
    let cleaned = clean_path(pattern);
    let relative = cleaned.strip_prefix('/').filter(|rest| !rest.is_empty());
    format!("{mark}{}", relative.unwrap_or(&cleaned))
}

//! An *ignore file*, `.dockerignore`: rules of which the last that matches decides. As read by
//! moby/patternmatcher (`ignorefile/ignorefile.go`, `patternmatcher.go`), but for where its
//! regular expressions show through: `\d` is the letter d here, and `[*]` a star.

use std::sync::Arc;

use super::rule::{Effect, Rule};
use super::{BadPattern, clean};
use crate::recipe::diagnostic::{Diagnostic, SourceText, Span};

/// Rules for which paths are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IgnoreFile {
    rules: Vec<Rule>,
}

/// The rule that hides a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreRule {
    /// The rule's pattern, in its short form.
    pub pattern: String,
    /// Its line, if it stands in a file.
    pub origin: Option<Span>,
}

impl IgnoreFile {
    /// Reads an ignore file.
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
            let rule = Rule::parse(&normalized(written)).map_err(|bad| {
                let bad = BadPattern { pattern: written.into(), ..bad };
                Diagnostic::new(bad.to_string()).at(span.clone()).help(bad.reason.help())
            })?;
            rules.extend(rule.map(|rule| rule.at(span)));
        }
        Ok(Self { rules })
    }

    /// Reads single patterns, such as those of `COPY --exclude`.
    pub fn new<'p>(patterns: impl IntoIterator<Item = &'p str>) -> Result<Self, BadPattern> {
        let rules = patterns.into_iter().filter_map(|text| Rule::parse(text).transpose());
        Ok(Self { rules: rules.collect::<Result<_, _>>()? })
    }

    /// Returns whether a path is ignored: whether the last rule that matches it, or a directory
    /// that it is in, hides. The root never is.
    pub fn is_ignored(&self, path: &str) -> bool {
        self.hiding(path).is_some()
    }

    /// Returns what hides a path, if it is ignored.
    pub fn hider(&self, path: &str) -> Option<IgnoreRule> {
        let rule = &self.rules[self.hiding(path)?];
        Some(IgnoreRule { pattern: rule.pattern.clone(), origin: rule.origin.clone() })
    }

    /// Returns whether a directory is ignored and so is all that can be below it: no `!` that
    /// follows reaches anything there.
    pub fn is_ignored_whole(&self, directory: &str) -> bool {
        let Some(hiding) = self.hiding(directory) else { return false };
        let shows = |rule: &Rule| rule.effect == Effect::Show && rule.reaches_below(directory);
        !self.rules[hiding..].iter().any(shows)
    }

    fn hiding(&self, path: &str) -> Option<usize> {
        if path.is_empty() || path == "." {
            return None;
        }
        let last = self.rules.iter().rposition(|rule| rule.matches(path))?;
        (self.rules[last].effect == Effect::Hide).then_some(last)
    }
}

/// Returns a line as `ReadAll` of moby/patternmatcher passes it on: relative and clean, also
/// behind a `!`.
fn normalized(line: &str) -> String {
    let (mark, pattern) = match line.strip_prefix('!') {
        Some(pattern) => ("!", pattern.trim()),
        None => ("", line),
    };
    if pattern.is_empty() {
        return mark.into();
    }
    let cleaned = clean(pattern);
    let relative = cleaned.strip_prefix('/').filter(|rest| !rest.is_empty());
    format!("{mark}{}", relative.unwrap_or(&cleaned))
}

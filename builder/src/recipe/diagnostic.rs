//! A *diagnostic* reports an error in a spec, a Dockerfile or another input of the user: what is
//! wrong, where, and how to fix it. It includes the text of the input, so that it can be shown
//! without reading the file again; the command line decides how it is shown.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// The text of an input that spans refer to, e.g. of a spec or a Dockerfile.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceText {
    /// The path as the user gave it, or `<stdin>` for standard input.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// A part of a [`SourceText`], in bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Span {
    /// The text that the span refers to.
    pub source: Arc<SourceText>,
    /// Byte range; always on character boundaries and inside the text.
    pub range: Range<usize>,
}

impl Span {
    /// Returns a span of `range`, moved inward to where the text has character boundaries.
    #[must_use]
    pub fn new(source: &Arc<SourceText>, range: Range<usize>) -> Self {
        let floor = |at: usize| {
            let mut at = at.min(source.text.len());
            while !source.text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let start = floor(range.start);
        let end = floor(range.end).max(start);
        Self { source: Arc::clone(source), range: start..end }
    }

    /// Returns the line and column of the start, both counted from 1, columns in characters.
    #[must_use]
    pub fn line_column(&self) -> (usize, usize) {
        let lines = self.lines();
        let newlines = self.source.text[..lines.start].bytes().filter(|byte| *byte == b'\n');
        let before = &self.source.text[lines.start..self.range.start];
        (newlines.count() + 1, before.chars().count() + 1)
    }

    /// Returns the byte range of the lines that the span is in, with the last newline.
    #[must_use]
    pub fn lines(&self) -> Range<usize> {
        let text = &self.source.text;
        let start = text[..self.range.start].rfind('\n').map_or(0, |newline| newline + 1);
        let end =
            text[self.range.end..].find('\n').map_or(text.len(), |at| self.range.end + at + 1);
        start..end
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.line_column();
        write!(f, "{}:{line}:{column}", self.source.name)
    }
}

/// One error in an input.
///
/// The message is a phrase without a final period, starting in lower case, as in rustc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Id of the rule of KubeVirt and CDI that is broken, if one is, e.g. `disk-several`.
    pub rule: Option<&'static str>,
    /// What is wrong, in one line.
    pub message: String,
    /// Position of the error, if it is in a text.
    pub span: Option<Span>,
    /// Help lines, which say how to fix it.
    pub help: Vec<String>,
    /// Whether the same command may succeed later, e.g. when a server is reachable again.
    pub is_temporary: bool,
}

impl Diagnostic {
    /// Returns a diagnostic without a position.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            rule: None,
            message: message.into(),
            span: None,
            help: Vec::new(),
            is_temporary: false,
        }
    }

    /// Returns the diagnostic with the id of the broken rule.
    #[must_use]
    pub fn rule(mut self, id: &'static str) -> Self {
        self.rule = Some(id);
        self
    }

    /// Returns the diagnostic of an error that may be temporary.
    #[must_use]
    pub fn temporary(mut self, is_temporary: bool) -> Self {
        self.is_temporary = is_temporary;
        self
    }

    /// Returns the diagnostic with a position.
    #[must_use]
    pub fn at(mut self, span: impl Into<Option<Span>>) -> Self {
        self.span = span.into();
        self
    }

    /// Returns the diagnostic with another help line.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.span {
            Some(span) => write!(f, "{span}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Diagnostic {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_knows_its_line_and_column() {
        let source =
            Arc::new(SourceText { name: "a.yaml".into(), text: "é: 1\nbc: ü2\n".into() });
        let check = |range: Range<usize>, expected: &str| {
            assert_eq!(Span::new(&source, range).to_string(), expected);
        };
        check(0..1, "a.yaml:1:1");
        check(2..3, "a.yaml:1:2");
        check(1..2, "a.yaml:1:1"); // inside the first letter: moved to its start
        check(6..8, "a.yaml:2:1");
        check(12..13, "a.yaml:2:6");
        check(900..901, "a.yaml:3:1");
    }

    #[test]
    fn a_span_knows_its_lines() {
        let source = Arc::new(SourceText { name: "a".into(), text: "ab\ncd\n\nef".into() });
        let check = |range: Range<usize>, expected: &str| {
            assert_eq!(&source.text[Span::new(&source, range).lines()], expected);
        };
        check(0..1, "ab\n");
        check(1..4, "ab\ncd\n");
        check(2..2, "ab\n");
        check(3..5, "cd\n");
        check(6..6, "\n");
        check(7..90, "ef");
    }
}

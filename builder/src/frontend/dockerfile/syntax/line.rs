//! A *logical line* is an instruction joined to one line. It records the positions of its
//! characters in the file.

use std::ops::Range;
use std::sync::Arc;

use crate::recipe::diagnostic::{SourceText, Span};

/// One instruction's text, without comments and without what continues lines.
#[derive(Debug, Clone)]
pub(super) struct LogicalLine {
    pub(super) text: String,
    /// Offsets of the pieces: in the text, and in the file.
    pieces: Vec<(usize, usize)>,
    source: Arc<SourceText>,
}

impl LogicalLine {
    pub(super) fn new(source: &Arc<SourceText>) -> Self {
        Self { text: String::new(), pieces: Vec::new(), source: Arc::clone(source) }
    }

    /// Adds a piece that is at `at` in the file.
    pub(super) fn push(&mut self, piece: &str, at: usize) {
        self.pieces.push((self.text.len(), at));
        self.text.push_str(piece);
    }

    /// Returns the position of a range of the text in the file.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        let end = if range.is_empty() { range.end } else { range.end - 1 };
        let (start, last) = (self.file_offset(range.start), self.file_offset(end));
        let one = usize::from(!range.is_empty());
        Span::new(&self.source, start..last + one)
    }

    fn file_offset(&self, at: usize) -> usize {
        let next = self.pieces.partition_point(|(start, _)| *start <= at);
        match next.checked_sub(1).and_then(|piece| self.pieces.get(piece)) {
            Some((start, offset)) => offset + (at - start),
            None => 0,
        }
    }
}

/// Lines of a file with their offsets, without line ends.
pub(super) struct SourceLines<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> SourceLines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { text, at }
    }

    /// Returns the next line without taking it.
    pub(super) fn peek(&self) -> Option<&'a str> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let line = rest.split('\n').next().unwrap_or(rest);
        Some(line.strip_suffix('\r').unwrap_or(line))
    }
}

impl<'a> Iterator for SourceLines<'a> {
    type Item = (&'a str, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.peek()?;
        let at = self.at;
        let rest = &self.text[at..];
        self.at += rest.find('\n').map_or(rest.len(), |end| end + 1);
        Some((line, at))
    }
}

/// Removes the escape character that continues an instruction on the next line: one that is not
/// escaped itself, at the end except for blanks. Returns `None` if there is none.
pub(super) fn cut_continuation(line: &str, escape: char) -> Option<&str> {
    let before = line.trim_end_matches([' ', '\t']).strip_suffix(escape)?;
    // Only a backslash before it counts, whatever the escape character is.
    (!before.ends_with('\\')).then_some(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_on_behind_an_escape() {
        let check = |line: &str, escape: char, expected: Option<&str>| {
            assert_eq!(cut_continuation(line, escape), expected, "{line}");
        };
        check("a \\", '\\', Some("a "));
        check("a\\ \t", '\\', Some("a"));
        check("\\", '\\', Some(""));
        check("a\\\\", '\\', None);
        check("a", '\\', None);
        check("a \\b", '\\', None);
        check("a `", '`', Some("a "));
        check("a \\", '`', None);
        check("", '\\', None);
    }

    #[test]
    fn parts_of_a_line_know_their_place() {
        let text = "RUN a \\\n  b\n".to_owned();
        let source = Arc::new(SourceText { name: "Dockerfile".into(), text });
        let mut line = LogicalLine::new(&source);
        line.push("RUN a ", 0);
        line.push("  b", 8);
        let check = |range: Range<usize>, expected: Range<usize>| {
            assert_eq!(line.span(range).range, expected);
        };
        check(0..3, 0..3);
        check(4..5, 4..5);
        check(8..9, 10..11);
        check(4..9, 4..11);
        check(9..9, 11..11);
    }
}

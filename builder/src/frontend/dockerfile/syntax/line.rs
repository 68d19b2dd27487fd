//! A *logical line* is an instruction on one line, whatever number of lines it was written on. It
//! remembers where in the file its characters stand.

use std::ops::Range;
use std::sync::Arc;

use crate::recipe::diagnostic::{SourceText, Span};

/// One instruction's text, without comments and without what continues lines.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) text: String,
    /// Where pieces begin: in the text, and in the file.
    pieces: Vec<(usize, usize)>,
    source: Arc<SourceText>,
}

impl Line {
    pub(super) fn new(source: &Arc<SourceText>) -> Self {
        Self { text: String::new(), pieces: Vec::new(), source: Arc::clone(source) }
    }

    /// Adds what stands in the file at `at`.
    pub(super) fn push(&mut self, piece: &str, at: usize) {
        self.pieces.push((self.text.len(), at));
        self.text.push_str(piece);
    }

    /// Returns where a part of the text stands in the file.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        let end = if range.is_empty() { range.end } else { range.end - 1 };
        let (start, last) = (self.place(range.start), self.place(end));
        let one = usize::from(!range.is_empty());
        Span::new(&self.source, start..last + one)
    }

    fn place(&self, at: usize) -> usize {
        let next = self.pieces.partition_point(|(start, _)| *start <= at);
        match next.checked_sub(1).and_then(|piece| self.pieces.get(piece)) {
            Some((start, place)) => place + (at - start),
            None => 0,
        }
    }
}

/// The lines of a file, with where each begins; line ends are cut off.
pub(super) struct Lines<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lines<'a> {
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

impl<'a> Iterator for Lines<'a> {
    type Item = (&'a str, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.peek()?;
        let at = self.at;
        let rest = &self.text[at..];
        self.at += rest.find('\n').map_or(rest.len(), |end| end + 1);
        Some((line, at))
    }
}

/// Cuts off what says that an instruction goes on in the next line: an escape character that is not
/// escaped itself, at the end but for blanks.
pub(super) fn cut_continuation(line: &str, escape: char) -> Option<&str> {
    let before = line.trim_end_matches([' ', '\t']).strip_suffix(escape)?;
    // Only a backslash in front counts, whatever the escape character is.
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
        let mut line = Line::new(&source);
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

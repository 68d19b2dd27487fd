//! A part of any text is where a diagnostic points. The part, its lines and its column are in the text.

use std::sync::Arc;

use diskette_builder::recipe::diagnostic::{SourceText, Span};

use super::valid_text;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let [start, end, rest @ ..] = bytes else { return };
    let text = valid_text(rest);
    let source = Arc::new(SourceText { name: "text".into(), text: text.into() });
    let (start, end) = (usize::from(*start), usize::from(*end));
    let span = Span::new(&source, start..start.saturating_add(end));
    let part = text.get(span.range.clone()).expect("a part of the text");
    assert!(part.len() <= end + 3, "a longer part");
    let lines = span.lines();
    assert!(lines.start <= span.range.start && span.range.end <= lines.end);
    let shown = text.get(lines.clone()).expect("lines of the text");
    assert!(lines.start == 0 || text[..lines.start].ends_with('\n'));
    assert!(lines.end == text.len() || shown.ends_with('\n'));
    let (line, column) = span.line_column();
    assert_eq!(text[..lines.start].matches('\n').count() + 1, line);
    assert_eq!(text[lines.start..span.range.start].chars().count() + 1, column);
    assert!(!span.to_string().is_empty());
}

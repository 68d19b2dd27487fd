//! *Spans* of nodes and errors: locations of the YAML library are converted to spans for diagnostics.

use std::ops::Range;
use std::sync::Arc;

use serde_saphyr::{Location, Spanned};

use super::node::{Node, NodeValue, RawNode};
use crate::recipe::diagnostic::{SourceText, Span};

/// Converts locations of the YAML library to spans of a text.
pub(super) struct SpanConverter<'s> {
    pub(super) source: &'s Arc<SourceText>,
    /// Length in bytes of the byte order mark, which the library does not see.
    skipped: usize,
}

impl<'s> SpanConverter<'s> {
    pub(super) fn new(source: &'s Arc<SourceText>) -> Self {
        let mark = '\u{feff}';
        let skipped = if source.text.starts_with(mark) { mark.len_utf8() } else { 0 };
        Self { source, skipped }
    }

    /// Returns the text without a byte order mark.
    pub(super) fn yaml_text(&self) -> &'s str {
        &self.source.text[self.skipped..]
    }

    /// Returns a node with its span in the text.
    pub(super) fn locate_node(&self, raw: Spanned<RawNode>) -> Node {
        let mut range = self.byte_range(raw.defined);
        let value = match raw.value {
            RawNode::Text(text) => NodeValue::Text(text),
            RawNode::Number(number) => NodeValue::Number(number),
            RawNode::Bool(value) => NodeValue::Bool(value),
            RawNode::Null => NodeValue::Null,
            RawNode::List(items) => {
                let items: Vec<Node> =
                    items.into_iter().map(|item| self.locate_node(item)).collect();
                range = self.widen_to_content(range, items.iter());
                NodeValue::List(items)
            }
            RawNode::Map(entries) => {
                let entries: Vec<(Node, Node)> = entries
                    .into_iter()
                    .map(|(key, value)| (self.locate_node(key), self.locate_node(value)))
                    .collect();
                range = self
                    .widen_to_content(range, entries.iter().flat_map(|(key, value)| [key, value]));
                NodeValue::Map(entries)
            }
        };
        Node { span: self.first_line_span(range), value }
    }

    /// Extends the range of the beginning of a list or mapping to its content, and to its closing
    /// bracket if that is on the same line.
    fn widen_to_content<'n>(
        &self,
        start: Range<usize>,
        held: impl Iterator<Item = &'n Node>,
    ) -> Range<usize> {
        let end = held.map(|node| node.span.range.end).fold(start.end, usize::max);
        let text = &self.source.text;
        let closing = match text.as_bytes().get(start.start) {
            Some(b'{') => '}',
            Some(b'[') => ']',
            _ => return start.start..end,
        };
        let rest = text.get(end..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default();
        start.start..line.find(closing).map_or(end, |at| end + at + closing.len_utf8())
    }

    /// Returns the span of a range, cut off at the end of its first line.
    pub(super) fn first_line_span(&self, range: Range<usize>) -> Span {
        let span = Span::new(self.source, range);
        let text = &self.source.text[span.range.clone()];
        let line = text.split(['\n', '\r']).next().unwrap_or_default().trim_end();
        Span::new(self.source, span.range.start..span.range.start + line.len())
    }

    /// Returns the bytes of a location. The library counts bytes for values, characters for errors.
    pub(super) fn byte_range(&self, location: Location) -> Range<usize> {
        let span = location.span();
        let cast = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        if let (Some(offset), Some(length)) = (span.byte_offset(), span.byte_len()) {
            let start = cast(offset).saturating_add(self.skipped);
            return start..start.saturating_add(cast(length));
        }
        let yaml = self.yaml_text();
        let byte = |index: usize| yaml.char_indices().nth(index).map_or(yaml.len(), |(at, _)| at);
        let start = cast(span.offset());
        let end = start.saturating_add(cast(span.len()));
        byte(start) + self.skipped..byte(end) + self.skipped
    }
}

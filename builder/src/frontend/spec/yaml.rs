//! *YAML* is the language a spec is written in. This module turns a text into nodes, or into the
//! one diagnostic that says why it is not YAML.

use std::ops::Range;
use std::sync::Arc;

use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Location, Spanned};

use super::node::{Node, Raw, Value};
use super::syntax::diagnose;
use crate::recipe::diagnostic::{Diagnostic, SourceText, Span};

/// The largest text that is read as a spec, in bytes; real ones have a few hundred.
const SIZE_LIMIT: usize = 1 << 20;

/// The most values a spec may have once its aliases are written out; keeps a few lines of them
/// from growing into gigabytes.
const NODE_LIMIT: usize = 20_000;

/// Returns the documents of a text; empty ones are left out.
pub(super) fn parse(source: &Arc<SourceText>) -> Result<Vec<Node>, Diagnostic> {
    if source.text.len() > SIZE_LIMIT {
        return Err(Diagnostic::new(format!("`{}` is larger than 1 MiB", source.name))
            .help("a spec is a short YAML file; is this the right one?"));
    }
    let places = Places::new(source);
    let options = serde_saphyr::options! {
        // Doubles are found, with both places, where the nodes are read.
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        merge_keys: MergeKeyPolicy::Error,
        reject_unsupported_tags: true,
        budget: serde_saphyr::budget! { max_nodes: NODE_LIMIT },
        strict_booleans: true,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
    };
    let documents: Vec<Spanned<Raw>> =
        serde_saphyr::from_multiple_with_options(places.yaml(), options)
            .map_err(|error| diagnose(&error, &places))?;
    Ok(documents.into_iter().map(|document| places.node(document)).collect())
}

/// Turns the library's places into ours.
pub(super) struct Places<'s> {
    pub(super) source: &'s Arc<SourceText>,
    /// Bytes in front of what the library sees: the byte order mark.
    skipped: usize,
}

impl<'s> Places<'s> {
    fn new(source: &'s Arc<SourceText>) -> Self {
        let mark = '\u{feff}';
        let skipped = if source.text.starts_with(mark) { mark.len_utf8() } else { 0 };
        Self { source, skipped }
    }

    fn yaml(&self) -> &'s str {
        &self.source.text[self.skipped..]
    }

    fn node(&self, raw: Spanned<Raw>) -> Node {
        let mut range = self.range(raw.defined);
        let value = match raw.value {
            Raw::Text(text) => Value::Text(text),
            Raw::Number => Value::Number,
            Raw::Bool => Value::Bool,
            Raw::Null => Value::Null,
            Raw::List(items) => {
                let items: Vec<Node> = items.into_iter().map(|item| self.node(item)).collect();
                range = self.container(range, items.iter());
                Value::List(items)
            }
            Raw::Map(entries) => {
                let entries: Vec<(Node, Node)> = entries
                    .into_iter()
                    .map(|(key, value)| (self.node(key), self.node(value)))
                    .collect();
                range = self.container(range, entries.iter().flat_map(|(key, value)| [key, value]));
                Value::Map(entries)
            }
        };
        Node { span: self.first_line(range), value }
    }

    /// Widens the place of a list's or mapping's beginning to what it holds, and to its closing
    /// bracket if it has one on the same line.
    fn container<'n>(
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

    /// Returns the place, cut off at the end of its first line.
    pub(super) fn first_line(&self, range: Range<usize>) -> Span {
        let span = Span::new(self.source, range);
        let text = &self.source.text[span.range.clone()];
        let line = text.split(['\n', '\r']).next().unwrap_or_default().trim_end();
        Span::new(self.source, span.range.start..span.range.start + line.len())
    }

    /// The library counts bytes for values and characters for errors.
    pub(super) fn range(&self, location: Location) -> Range<usize> {
        let span = location.span();
        let cast = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        if let (Some(offset), Some(length)) = (span.byte_offset(), span.byte_len()) {
            let start = cast(offset).saturating_add(self.skipped);
            return start..start.saturating_add(cast(length));
        }
        let yaml = self.yaml();
        let byte = |index: usize| yaml.char_indices().nth(index).map_or(yaml.len(), |(at, _)| at);
        let start = cast(span.offset());
        let end = start.saturating_add(cast(span.len()));
        byte(start) + self.skipped..byte(end) + self.skipped
    }
}

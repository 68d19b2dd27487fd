//! A *node* is one value of a YAML document together with its span. A spec is read from nodes, which
//! know nothing of the meaning of their keys.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_saphyr::Spanned;

use crate::recipe::diagnostic::Span;

/// A value and its span.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Ends with the value's first line, so that messages do not underline half a file.
    pub(super) span: Span,
    pub(super) value: NodeValue,
}

#[derive(Debug, Clone)]
pub(super) enum NodeValue {
    Text(String),
    /// A number; nothing for infinity and what is not a number.
    Number(Option<Number>),
    Bool(bool),
    /// `~`, `null`, or an omitted value.
    Null,
    List(Vec<Node>),
    /// Entries in the order of the text; keys may repeat.
    Map(Vec<(Node, Node)>),
}

impl NodeValue {
    /// Returns the noun for the value in messages, with its article.
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Number(_) => "a number",
            Self::Bool(_) => "true or false",
            Self::Null => "nothing",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// A value from the YAML library, with the library's locations.
pub(super) enum RawNode {
    Text(String),
    Number(Option<Number>),
    Bool(bool),
    Null,
    List(Vec<Spanned<RawNode>>),
    Map(Vec<(Spanned<RawNode>, Spanned<RawNode>)>),
}

impl<'de> Deserialize<'de> for RawNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = RawNode;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<RawNode, E> {
        Ok(RawNode::Text(text.into()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<RawNode, E> {
        Ok(RawNode::Text(text))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<RawNode, E> {
        Ok(RawNode::Number(Some(number.into())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<RawNode, E> {
        Ok(RawNode::Number(Some(number.into())))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<RawNode, E> {
        Ok(RawNode::Number(Number::from_f64(number)))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<RawNode, E> {
        Ok(RawNode::Bool(value))
    }

    fn visit_unit<E: Error>(self) -> Result<RawNode, E> {
        Ok(RawNode::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawNode, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(RawNode::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<RawNode, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(RawNode::Map(map))
    }
}

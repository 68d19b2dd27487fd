//! *Values* of any type: texts, lists, and mappings whose keys the user chooses.

use super::fields::{FromNode, read_mapping, read_value, unexpected_value};
use super::located::{Located, LocatedText, UserMapping};
use super::node::{Node, NodeValue};
use crate::recipe::diagnostic::{Diagnostic, Span};

impl FromNode for LocatedText {
    fn from_node(node: &Node, _: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        if let NodeValue::Text(text) = &node.value {
            return Some(Self { value: text.clone(), span: node.span.clone() });
        }
        problems.push(unexpected_value("text", node));
        None
    }
}

impl<T: FromNode> FromNode for Vec<T> {
    fn from_node(node: &Node, _: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let NodeValue::List(items) = &node.value else {
            problems.push(unexpected_value("a list", node));
            return None;
        };
        Some(items.iter().filter_map(|item| T::from_node(item, &item.span, problems)).collect())
    }
}

impl<T: FromNode> FromNode for Located<Vec<T>> {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        refuse_empty(node, problems)?;
        Some(Self { value: Vec::from_node(node, owner, problems)?, span: owner.clone() })
    }
}

impl<T: FromNode> FromNode for UserMapping<T> {
    fn from_node(node: &Node, _: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let mut entries = Vec::new();
        for (key, name, value) in read_mapping(node, problems)? {
            let text = LocatedText { value: name.into(), span: key.clone() };
            entries.extend(read_value(name, key, value, problems).map(|value| (text, value)));
        }
        Some(Self(entries))
    }
}

impl<T: FromNode> FromNode for Located<UserMapping<T>> {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        refuse_empty(node, problems)?;
        Some(Self { value: UserMapping::from_node(node, owner, problems)?, span: owner.clone() })
    }
}

fn refuse_empty(node: &Node, problems: &mut Vec<Diagnostic>) -> Option<()> {
    let is_empty = match &node.value {
        NodeValue::List(items) => items.is_empty(),
        NodeValue::Map(entries) => entries.is_empty(),
        _ => false,
    };
    if !is_empty {
        return Some(());
    }
    problems.push(
        Diagnostic::new("nothing is listed here")
            .at(node.span.clone())
            .help("at least one entry is needed"),
    );
    None
}

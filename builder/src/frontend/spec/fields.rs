//! *Fields* are the entries of a mapping whose keys are part of the format, as opposed to keys that
//! users choose. This module reports keys that are unknown, missing, doubled or empty.

use std::collections::HashMap;

use super::keys::{ALL_KEYS, MappingKeys};
use super::located::{Located, LocatedText};
use super::node::{Node, NodeValue};
use crate::recipe::diagnostic::{Diagnostic, Span};

/// A type that is read from a node.
pub(super) trait FromNode: Sized {
    /// Returns the value, or `None` if a problem was reported. `owner` is the span to report
    /// missing keys at: the value's key, if it has one.
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self>;
}

/// A key's span, the key, and its value.
type Field<'n> = (&'n Span, &'n str, &'n Node);

/// A mapping whose keys are all known.
pub(super) struct Fields<'n> {
    found: Vec<Field<'n>>,
    owner: &'n Span,
    noun: &'static str,
    /// Keys that unknown keys are probably misspellings of; they are not reported as missing, too.
    meant: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// Returns the known keys of a mapping and reports the others.
    pub(super) fn from_mapping(
        node: &'n Node,
        owner: &'n Span,
        (noun, known): MappingKeys,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let mut fields = Self { found: Vec::new(), owner, noun, meant: Vec::new() };
        for field in read_mapping(node, problems)? {
            let (span, name, _) = field;
            if known.contains(&name) {
                fields.found.push(field);
                continue;
            }
            problems.push(unknown_key(name, span, (noun, known)));
            fields.meant.extend(closest_name(name, known));
        }
        Some(fields)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.found.iter().any(|(_, found, _)| *found == name)
    }

    /// Reports a required key that is missing.
    pub(super) fn require(&self, name: &str, help: &str, problems: &mut Vec<Diagnostic>) {
        problems.extend(self.missing_key(name, help));
    }

    /// Returns the diagnostic for a key that is missing, or `None` if it exists.
    pub(super) fn missing_key(&self, name: &str, help: &str) -> Option<Diagnostic> {
        if self.has(name) || self.meant.contains(&name) {
            return None;
        }
        let problem = Diagnostic::new(format!("{} has no `{name}`", self.noun));
        Some(problem.at(self.owner.clone()).help(help))
    }

    /// Returns a diagnostic for each of these keys that exists, in case the spec is of another kind.
    pub(super) fn misplaced(&self, keys: &[&str], owner: &str, help: &str) -> Vec<Diagnostic> {
        let found = self.found.iter().filter(|(_, name, _)| keys.contains(name));
        let misplaced = |(span, name, _): &Field<'_>| {
            Diagnostic::new(format!("`{name}` is for {owner}")).at((*span).clone()).help(help)
        };
        found.map(misplaced).collect()
    }

    /// Reads the value of a key, if it exists and is valid.
    pub(super) fn get<T: FromNode>(&self, name: &str, problems: &mut Vec<Diagnostic>) -> Option<T> {
        let (key, name, value) = self.found.iter().find(|(_, found, _)| *found == name)?;
        read_value(name, key, value, problems)
    }
}

/// Reads the value of a key; a null is reported.
pub(super) fn read_value<T: FromNode>(
    name: &str,
    key: &Span,
    value: &Node,
    problems: &mut Vec<Diagnostic>,
) -> Option<T> {
    if !matches!(value.value, NodeValue::Null) {
        return T::from_node(value, key, problems);
    }
    problems.push(
        Diagnostic::new(format!("`{name}` has no value"))
            .at(key.clone())
            .help("write one after the colon, indent the lines below it, or remove the key"),
    );
    None
}

/// Returns the entries of a mapping; keys that are not text or doubled are reported.
pub(super) fn read_mapping<'n>(
    node: &'n Node,
    problems: &mut Vec<Diagnostic>,
) -> Option<Vec<Field<'n>>> {
    let NodeValue::Map(entries) = &node.value else {
        problems.push(unexpected_value("a mapping", node));
        return None;
    };
    let mut found: Vec<Field<'n>> = Vec::new();
    let mut spans = HashMap::new();
    for (key, value) in entries {
        let NodeValue::Text(name) = &key.value else {
            problems.push(unexpected_value("text as a key", key));
            continue;
        };
        if let Some(first) = spans.insert(name, &key.span) {
            let (line, _) = first.line_column();
            problems.push(
                Diagnostic::new(format!("`{name}` is given twice"))
                    .at(key.span.clone())
                    .help(format!("the first is on line {line}; keep one of them")),
            );
            continue;
        }
        found.push((&key.span, name, value));
    }
    Some(found)
}

/// Reads a value that is one of the known words.
pub(super) fn read_choice<T: Copy>(
    node: &Node,
    owner: &Span,
    noun: &str,
    known: &[(&'static str, T)],
    problems: &mut Vec<Diagnostic>,
) -> Option<Located<T>> {
    let LocatedText { value, span } = LocatedText::from_node(node, owner, problems)?;
    if let Some((_, found)) = known.iter().find(|(name, _)| *name == value) {
        return Some(Located { value: *found, span });
    }
    let names: Vec<&'static str> = known.iter().map(|(name, _)| *name).collect();
    let diagnostic = Diagnostic::new(format!("unknown {noun} `{value}`")).at(span);
    problems.push(add_suggestion(diagnostic, &value, &names, &format!("known {noun}s")));
    None
}

/// Returns the diagnostic for a value of the wrong kind.
pub(super) fn unexpected_value(wanted: &str, node: &Node) -> Diagnostic {
    let text = &node.span.source.text[node.span.range.clone()];
    let diagnostic = Diagnostic::new(format!("expected {wanted}, found {}", node.value.noun()))
        .at(node.span.clone());
    match (&node.value, wanted) {
        (NodeValue::Number(_) | NodeValue::Bool(_), "text" | "text as a key") => {
            diagnostic.help(format!("quote it: `\"{text}\"`"))
        }
        (_, "a list") => {
            diagnostic.help("write a list as `[a, b]`, or each item on a line after `- `")
        }
        (_, "a mapping") => diagnostic.help("write a mapping as `key: value` lines"),
        (NodeValue::Null, _) => diagnostic.help("write a value, or remove it"),
        (NodeValue::List(_), _) => diagnostic.help("only one value is allowed here"),
        (NodeValue::Map(_), _) => diagnostic.help("if this is meant as text, quote it"),
        _ => diagnostic,
    }
}

fn unknown_key(name: &str, span: &Span, (noun, known): MappingKeys) -> Diagnostic {
    let diagnostic = Diagnostic::new(format!("unknown key `{name}` in {noun}")).at(span.clone());
    let elsewhere: Vec<&str> =
        ALL_KEYS.iter().filter(|(_, keys)| keys.contains(&name)).map(|(noun, _)| *noun).collect();
    if !elsewhere.is_empty() {
        return diagnostic.help(format!("it is a key of {}", elsewhere.join(" and of ")));
    }
    add_suggestion(diagnostic, name, known, "known keys")
}

/// Adds a help line with the known name closest to the given one, or else with all known names.
pub(super) fn add_suggestion(
    diagnostic: Diagnostic,
    given: &str,
    known: &[&str],
    all: &str,
) -> Diagnostic {
    match closest_name(given, known) {
        Some(name) => diagnostic.help(format!("did you mean `{name}`?")),
        None => diagnostic.help(format!("{all}: {}", known.join(", "))),
    }
}

/// Returns the known name closest to the given one, if at most a third of its letters differ.
fn closest_name<'k>(given: &str, known: &[&'k str]) -> Option<&'k str> {
    let given = given.to_lowercase();
    let distance = |name: &str| strsim::damerau_levenshtein(&given, &name.to_lowercase());
    let best = *known.iter().min_by_key(|name| distance(name))?;
    (distance(best) <= best.len().div_ceil(3)).then_some(best)
}

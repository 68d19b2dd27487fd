//! *Fields* are the entries of a mapping whose keys the format knows, as opposed to those that the
//! user makes up. Here stands what is said about keys that are unknown, missing, doubled or empty.

use std::collections::HashMap;

use super::keys::{KEYS, Keys};
use super::located::{Located, Text};
use super::node::{Node, NodeValue};
use crate::recipe::diagnostic::{Diagnostic, Span};

/// What is made from a node.
pub(super) trait ReadNode: Sized {
    /// Returns nothing if what stands there was reported. `owner` is where to point for what is
    /// missing from the value: its key, if it has one.
    fn read(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self>;
}

/// Key's place, key, value.
type Field<'n> = (&'n Span, &'n str, &'n Node);

/// A mapping of which all keys are known.
pub(super) struct Fields<'n> {
    found: Vec<Field<'n>>,
    owner: &'n Span,
    noun: &'static str,
    /// What unknown keys were taken for: those are not reported as missing too.
    meant: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// Returns the known keys of a mapping and reports the others.
    pub(super) fn of(
        node: &'n Node,
        owner: &'n Span,
        (noun, known): Keys,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let mut fields = Self { found: Vec::new(), owner, noun, meant: Vec::new() };
        for field in mapping(node, problems)? {
            let (span, name, _) = field;
            if known.contains(&name) {
                fields.found.push(field);
                continue;
            }
            problems.push(unknown_key(name, span, (noun, known)));
            fields.meant.extend(closest(name, known));
        }
        Some(fields)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.found.iter().any(|(_, found, _)| *found == name)
    }

    /// Reports a key that must be there and is not.
    pub(super) fn require(&self, name: &str, help: &str, problems: &mut Vec<Diagnostic>) {
        problems.extend(self.missing(name, help));
    }

    /// Returns what is said of a key that is not there.
    pub(super) fn missing(&self, name: &str, help: &str) -> Option<Diagnostic> {
        if self.has(name) || self.meant.contains(&name) {
            return None;
        }
        let problem = Diagnostic::new(format!("{} has no `{name}`", self.noun));
        Some(problem.at(self.owner.clone()).help(help))
    }

    /// Returns what a key's value is read as, if it is there and right.
    pub(super) fn get<T: ReadNode>(&self, name: &str, problems: &mut Vec<Diagnostic>) -> Option<T> {
        let (key, name, value) = self.found.iter().find(|(_, found, _)| *found == name)?;
        read_value(name, key, value, problems)
    }
}

pub(super) fn read_value<T: ReadNode>(
    name: &str,
    key: &Span,
    value: &Node,
    problems: &mut Vec<Diagnostic>,
) -> Option<T> {
    if !matches!(value.value, NodeValue::Null) {
        return T::read(value, key, problems);
    }
    problems.push(
        Diagnostic::new(format!("`{name}` has no value"))
            .at(key.clone())
            .help("write one after the colon, indent the lines below it, or remove the key"),
    );
    None
}

/// Returns the entries of a mapping whose keys are text and stand once.
pub(super) fn mapping<'n>(
    node: &'n Node,
    problems: &mut Vec<Diagnostic>,
) -> Option<Vec<Field<'n>>> {
    let NodeValue::Map(entries) = &node.value else {
        problems.push(unexpected("a mapping", node));
        return None;
    };
    let mut found: Vec<Field<'n>> = Vec::new();
    let mut places = HashMap::new();
    for (key, value) in entries {
        let NodeValue::Text(name) = &key.value else {
            problems.push(unexpected("text as a key", key));
            continue;
        };
        if let Some(first) = places.insert(name, &key.span) {
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

/// Reads one of a few words.
pub(super) fn choose<T: Copy>(
    node: &Node,
    owner: &Span,
    noun: &str,
    known: &[(&'static str, T)],
    problems: &mut Vec<Diagnostic>,
) -> Option<Located<T>> {
    let Text { value, span } = Text::read(node, owner, problems)?;
    if let Some((_, found)) = known.iter().find(|(name, _)| *name == value) {
        return Some(Located { value: *found, span });
    }
    let names: Vec<&'static str> = known.iter().map(|(name, _)| *name).collect();
    let diagnostic = Diagnostic::new(format!("unknown {noun} `{value}`")).at(span);
    problems.push(suggest(diagnostic, &value, &names, &format!("known {noun}s")));
    None
}

pub(super) fn unexpected(wanted: &str, node: &Node) -> Diagnostic {
    let text = &node.span.source.text[node.span.range.clone()];
    let diagnostic = Diagnostic::new(format!("expected {wanted}, found {}", node.value.noun()))
        .at(node.span.clone());
    match (&node.value, wanted) {
        (NodeValue::Number | NodeValue::Bool, "text" | "text as a key") => {
            diagnostic.help(format!("quote it: `\"{text}\"`"))
        }
        (_, "a list") => {
            diagnostic.help("write a list as `[a, b]`, or each item on a line after `- `")
        }
        (_, "a mapping") => diagnostic.help("write a mapping as `key: value` lines"),
        (NodeValue::Null, _) => diagnostic.help("write a value, or remove it"),
        (NodeValue::List(_), _) => diagnostic.help("only one value may stand here"),
        (NodeValue::Map(_), _) => diagnostic.help("if this is meant as text, quote it"),
        _ => diagnostic,
    }
}

fn unknown_key(name: &str, span: &Span, (noun, known): Keys) -> Diagnostic {
    let diagnostic = Diagnostic::new(format!("unknown key `{name}` in {noun}")).at(span.clone());
    let elsewhere: Vec<&str> =
        KEYS.iter().filter(|(_, keys)| keys.contains(&name)).map(|(noun, _)| *noun).collect();
    if !elsewhere.is_empty() {
        return diagnostic.help(format!("it is a key of {}", elsewhere.join(" and of ")));
    }
    suggest(diagnostic, name, known, "known keys")
}

/// Adds what was probably meant, or else all that could be.
pub(super) fn suggest(
    diagnostic: Diagnostic,
    given: &str,
    known: &[&'static str],
    all: &str,
) -> Diagnostic {
    match closest(given, known) {
        Some(name) => diagnostic.help(format!("did you mean `{name}`?")),
        None => diagnostic.help(format!("{all}: {}", known.join(", "))),
    }
}

/// Returns the known name that differs from the given one in a third of its letters at most.
fn closest(given: &str, known: &[&'static str]) -> Option<&'static str> {
    let given = given.to_lowercase();
    let distance = |name: &str| strsim::damerau_levenshtein(&given, &name.to_lowercase());
    let best = *known.iter().min_by_key(|name| distance(name))?;
    (distance(best) <= best.len().div_ceil(3)).then_some(best)
}

//! `policy.keep`: which old images of a catalogue stay in their repository.

use std::num::NonZeroUsize;

use regex::Regex;
use schemars::JsonSchema;

use super::fields::{Fields, FromNode, unexpected_value};
use super::keys::KEEP_KEYS;
use super::located::{Located, LocatedText};
use super::node::{Node, NodeValue};
use crate::oci::retention::{RetentionRules, parse_age};
use crate::recipe::diagnostic::{Diagnostic, Span};

/// Which old images stay when a release is published: those that one of the rules keeps, and always the current and the newest
/// one. Without it, all stay. Only tags with placeholders are deleted.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Keep", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct KeepSpec {
    /// How many of the newest images stay.
    #[schemars(with = "Option<NonZeroUsize>")]
    pub(super) newest: Option<Located<NonZeroUsize>>,
    /// Age up to which images stay: `30d`, `12h`, `8w` or `90min`.
    #[schemars(extend("examples" = ["30d"]))]
    pub(super) within: Option<LocatedText>,
    /// Regular expressions: a tag in which one matches stays.
    pub(super) tags: Option<Vec<LocatedText>>,
}

impl FromNode for Located<KeepSpec> {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let fields = Fields::from_mapping(node, owner, KEEP_KEYS, problems)?;
        if !fields.has("newest") && !fields.has("within") {
            let diagnostic =
                Diagnostic::new("`keep` says neither how many images stay nor how long");
            problems.push(diagnostic.at(owner.clone()).help("add `newest: 5` or `within: 30d`"));
        }
        let value = KeepSpec {
            newest: fields.get("newest", problems),
            within: fields.get("within", problems),
            tags: fields.get("tags", problems),
        };
        Some(Self { value, span: owner.clone() })
    }
}

impl FromNode for Located<NonZeroUsize> {
    fn from_node(node: &Node, _: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let NodeValue::Number(_) = node.value else {
            problems.push(unexpected_value("a number", node));
            return None;
        };
        let text = &node.span.source.text[node.span.range.clone()];
        let few =
            || Diagnostic::new(format!("`{text}` is no number of images")).at(node.span.clone());
        let value =
            text.parse().map_err(|_| problems.push(few().help("write a whole number from 1 on")));
        Some(Self { value: value.ok()?, span: node.span.clone() })
    }
}

/// Returns the rules, without those that follow from the tags of the catalogue.
pub(super) fn lower_keep(
    keep: &Located<KeepSpec>,
    problems: &mut Vec<Diagnostic>,
) -> RetentionRules {
    let KeepSpec { newest, within, tags } = &keep.value;
    let within = within.as_ref().and_then(|age| {
        let wrong = |error: crate::oci::retention::RetentionError| {
            problems.push(Diagnostic::new(error.to_string()).at(age.span.clone()));
        };
        parse_age(&age.value).map_err(wrong).ok()
    });
    let mut keep_tags = Vec::new();
    for pattern in tags.iter().flatten() {
        match Regex::new(&pattern.value) {
            Ok(pattern) => keep_tags.push(pattern),
            Err(error) => {
                let why = error.to_string();
                let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                let message = format!("`{}` is not a regular expression: {why}", pattern.value);
                problems.push(Diagnostic::new(message).at(pattern.span.clone()));
            }
        }
    }
    let newest = newest.as_ref().map(|newest| newest.value.get());
    RetentionRules { newest, within, keep_tags, ..RetentionRules::default() }
}

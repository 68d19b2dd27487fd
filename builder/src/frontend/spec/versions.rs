//! `release.versions`: all releases of a list, each of which becomes an image.

use schemars::JsonSchema;

use super::fields::{Fields, FromNode, unexpected_value};
use super::keys::VERSIONS_KEYS;
use super::located::{Located, LocatedText};
use super::node::{Node, NodeValue};
use crate::recipe::diagnostic::{Diagnostic, Span};

/// All releases of the list from one on: each is an image of its own, with the platforms that it has. `{release}` in `tags` is
/// its name: `42`, or `44-beta`.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Versions", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct VersionsSpec {
    /// Number of the oldest release that is published. Quote it.
    #[schemars(required, regex(pattern = "^[0-9]+$"), extend("examples" = ["38"]))]
    pub(super) from: Option<LocatedText>,
    /// Whether releases that are not finished are published, too; `false` when left out.
    #[schemars(with = "Option<bool>")]
    pub(super) prereleases: Option<Located<bool>>,
    /// Tags that the newest finished release has in addition.
    #[schemars(inner(regex(pattern = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")))]
    #[schemars(extend("examples" = [["latest"]]))]
    pub(super) newest: Option<Vec<LocatedText>>,
}

impl FromNode for Located<VersionsSpec> {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let fields = Fields::from_mapping(node, owner, VERSIONS_KEYS, problems)?;
        fields.require("from", "name the oldest release, for example `from: \"38\"`", problems);
        let from = fields.get("from", problems);
        let prereleases = fields.get("prereleases", problems);
        let newest = fields.get("newest", problems);
        let value = VersionsSpec { from, prereleases, newest };
        Some(Self { value, span: owner.clone() })
    }
}

impl FromNode for Located<bool> {
    fn from_node(node: &Node, _: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let NodeValue::Bool(value) = node.value else {
            problems.push(unexpected_value("`true` or `false`", node));
            return None;
        };
        Some(Self { value, span: node.span.clone() })
    }
}

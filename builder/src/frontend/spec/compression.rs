//! The *compression* of an image's layers: its name, or its name and a level.

use schemars::JsonSchema;

use super::fields::{Fields, FromNode, read_choice, unexpected_value};
use super::keys::LAYER_COMPRESSION_KEYS;
use super::located::Located;
use super::node::{Node, NodeValue};
use crate::compression::{LayerCompression, LayerCompressionKind};
use crate::recipe::diagnostic::{Diagnostic, Span};

/// Compression of the layers of an image, for example `zstd`.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "LayerCompression", untagged)]
pub(super) enum LayerCompressionSpec {
    /// A compression with its default level.
    Type(Located<CompressionType>),
    /// A compression and its level.
    Detailed(LayerCompressionDetails),
}

/// A compression and its level.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "LayerCompressionDetails", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LayerCompressionDetails {
    /// The compression.
    #[schemars(rename = "type", required)]
    pub(super) kind: Option<Located<CompressionType>>,
    /// The level: 1 to 12 of gzip, 1 to 19 of zstd; higher ones are slower and give smaller layers.
    #[schemars(with = "Option<u8>", range(min = 1, max = 19))]
    pub(super) level: Option<Located<u8>>,
}

/// A compression of layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub(super) enum CompressionType {
    /// gzip, read by everything.
    Gzip,
    /// Zstandard, smaller and faster; read by containerd, CRI-O, podman, docker from version 23, and
    /// every version of CDI.
    Zstd,
    /// Zstandard in chunks, of which podman and CRI-O can fetch only those that they lack; read by
    /// everything that reads zstd.
    #[schemars(rename = "zstd:chunked")]
    ZstdChunked,
    /// No compression.
    None,
}

impl FromNode for LayerCompressionSpec {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        if !matches!(node.value, NodeValue::Map(_)) {
            return FromNode::from_node(node, owner, problems).map(Self::Type);
        }
        let fields = Fields::from_mapping(node, owner, LAYER_COMPRESSION_KEYS, problems)?;
        fields.require("type", "add `type: zstd` or `type: gzip`", problems);
        Some(Self::Detailed(LayerCompressionDetails {
            kind: fields.get("type", problems),
            level: fields.get("level", problems),
        }))
    }
}

impl FromNode for Located<CompressionType> {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let known = [
            ("gzip", CompressionType::Gzip),
            ("zstd", CompressionType::Zstd),
            ("zstd:chunked", CompressionType::ZstdChunked),
            ("none", CompressionType::None),
        ];
        read_choice(node, owner, "compression", &known, problems)
    }
}

impl FromNode for Located<u8> {
    fn from_node(node: &Node, _: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let NodeValue::Number(_) = node.value else {
            let help = "write it as `level: 3`, or remove it";
            problems.push(unexpected_value("a number", node).help(help));
            return None;
        };
        let text = &node.span.source.text[node.span.range.clone()];
        let unknown =
            || unknown_level().at(node.span.clone()).help("a level is a whole number from 1 to 19");
        let value = text.parse().map_err(|_| problems.push(unknown())).ok()?;
        Some(Self { value, span: node.span.clone() })
    }
}

/// Reports what is wrong with the compression at the top of a spec.
pub(super) fn check_compression(
    spec: Option<&LayerCompressionSpec>,
    problems: &mut Vec<Diagnostic>,
) {
    if let Some(compression) = spec {
        lower_compression(compression, problems);
    }
}

/// Returns the compression; the default one if a problem was reported.
pub(super) fn lower_compression(
    spec: &LayerCompressionSpec,
    problems: &mut Vec<Diagnostic>,
) -> LayerCompression {
    let (kind, level) = match spec {
        LayerCompressionSpec::Type(kind) => (Some(kind), None),
        LayerCompressionSpec::Detailed(details) => (details.kind.as_ref(), details.level.as_ref()),
    };
    let Some(kind) = kind else { return LayerCompression::default() };
    let algorithm = match kind.value {
        CompressionType::Gzip => LayerCompressionKind::Gzip,
        CompressionType::Zstd => LayerCompressionKind::Zstd,
        CompressionType::ZstdChunked => LayerCompressionKind::ZstdChunked,
        CompressionType::None => LayerCompressionKind::None,
    };
    let compression = algorithm.with_level(level.map(|level| level.value));
    let unknown = |levels| {
        let at = level.map(|level| level.span.clone());
        unknown_level().at(at).help(levels)
    };
    compression.map_err(|levels| problems.push(unknown(levels))).unwrap_or_default()
}

fn unknown_level() -> Diagnostic {
    Diagnostic::new("unknown compression level")
}

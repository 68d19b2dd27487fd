//! *Reads* the source of a spec from nodes.

use super::types::{
    CompressSpec, ConvertSpec, OvaDiskSpec, OvaSpec, SizeSpec, SourceDetails, SourceSpec,
    SwitchSpec, UnpackSpec,
};
use crate::frontend::spec::fields::{Fields, FromNode, read_choice, unexpected_value};
use crate::frontend::spec::keys::{OVA_KEYS, SOURCE_KEYS};
use crate::frontend::spec::located::{Located, LocatedText};
use crate::frontend::spec::node::{Node, NodeValue};
use crate::recipe::diagnostic::{Diagnostic, Span};

/// Keys of a source of which exactly one is given.
const LOCATION_KEYS: [&str; 4] = ["path", "url", "ova", "image"];

impl FromNode for SourceSpec {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        if !matches!(node.value, NodeValue::Map(_)) {
            return LocatedText::from_node(node, owner, problems).map(Self::Plain);
        }
        let fields = Fields::from_mapping(node, owner, SOURCE_KEYS, problems)?;
        let details = SourceDetails {
            path: fields.get("path", problems),
            url: fields.get("url", problems),
            ova: fields.get("ova", problems),
            image: fields.get("image", problems),
            disk: fields.get("disk", problems),
            sha256: fields.get("sha256", problems),
            sha512: fields.get("sha512", problems),
            unpack: fields.get("unpack", problems),
            name: fields.get("name", problems),
            convert: fields.get("convert", problems),
            compress: fields.get("compress", problems),
            headers_file: fields.get("headers-file", problems),
            ca_file: fields.get("ca-file", problems),
            flatten: fields.get("flatten", problems),
            discard: fields.get("discard", problems),
            size: fields.get("size", problems),
        };
        if !details.has_location() {
            // A value that cannot be read was reported already.
            if !LOCATION_KEYS.iter().any(|key| fields.has(key)) {
                problems.push(
                    Diagnostic::new("the source has no location")
                        .at(owner.clone())
                        .help("add `path: …`, `url: …`, `ova: …` or `image: …`"),
                );
            }
            return None;
        }
        Some(Self::Detailed(Box::new(details)))
    }
}

impl FromNode for Located<UnpackSpec> {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let known = [
            ("gz", UnpackSpec::Gz),
            ("xz", UnpackSpec::Xz),
            ("zst", UnpackSpec::Zst),
            ("bz2", UnpackSpec::Bz2),
            ("none", UnpackSpec::None),
        ];
        read_choice(node, owner, "compression", &known, problems)
    }
}

impl FromNode for Located<ConvertSpec> {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let known = [("qcow2", ConvertSpec::Qcow2), ("raw", ConvertSpec::Raw)];
        read_choice(node, owner, "format", &known, problems)
    }
}

impl FromNode for Located<SwitchSpec> {
    fn from_node(node: &Node, _: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let NodeValue::Bool(is_on) = node.value else {
            let problem = unexpected_value("true or false", node);
            problems.push(problem.help("write `true` or `false`, without quotes"));
            return None;
        };
        Some(Self { value: SwitchSpec(is_on), span: node.span.clone() })
    }
}

impl FromNode for OvaSpec {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let fields = Fields::from_mapping(node, owner, OVA_KEYS, problems)?;
        fields.require("path", "add `path:` with the path of the archive", problems);
        let path = fields.get("path", problems);
        let disk = fields.get("disk", problems);
        path.as_ref()?;
        Some(Self { path, disk })
    }
}

impl FromNode for Located<OvaDiskSpec> {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let text = &node.span.source.text[node.span.range.clone()];
        let value = match (&node.value, text.parse()) {
            (NodeValue::Number(_), Ok(number)) => OvaDiskSpec::Number(number),
            _ => OvaDiskSpec::Name(LocatedText::from_node(node, owner, problems)?.value),
        };
        Some(Self { value, span: node.span.clone() })
    }
}

impl FromNode for Located<SizeSpec> {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let text = &node.span.source.text[node.span.range.clone()];
        let value = match (&node.value, text.parse()) {
            (NodeValue::Number(_), Ok(bytes)) => SizeSpec::Bytes(bytes),
            (NodeValue::Number(_), Err(_)) => SizeSpec::Quantity(text.to_owned()),
            _ => SizeSpec::Quantity(LocatedText::from_node(node, owner, problems)?.value),
        };
        Some(Self { value, span: node.span.clone() })
    }
}

impl FromNode for Located<CompressSpec> {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let known = [
            ("zlib", CompressSpec::Zlib),
            ("zstd", CompressSpec::Zstd),
            ("none", CompressSpec::None),
        ];
        read_choice(node, owner, "compression", &known, problems)
    }
}

//! *Reading* converts nodes to the types of a spec. It reports each unknown key and each value of
//! the wrong kind and continues with the rest, so that one run shows all mistakes.

use super::fields::{Fields, FromNode, read_choice, read_mapping, read_value, unexpected_value};
use super::keys::{FILE_KEYS, KUBEVIRT_KEYS, OVA_KEYS, PLATFORM_KEYS, SOURCE_KEYS, SPEC_KEYS};
use super::located::{Located, LocatedText, UserMapping};
use super::node::{Node, NodeValue};
use super::types::{
    CompressSpec, ConvertSpec, FileSpec, FlattenSpec, InlineMachine, KubevirtSpec, MachineSpec,
    OvaDiskSpec, OvaSpec, PlatformSpec, SizeSpec, SourceDetails, SourceSpec, Spec, SpecKind,
    SpecPlatforms, UnpackSpec,
};
use crate::recipe::diagnostic::{Diagnostic, Span};

/// Keys of a source of which exactly one is given.
const LOCATION_KEYS: [&str; 4] = ["path", "url", "ova", "image"];

/// Owners of keys in messages.
const IMAGES: &str = "images";
const MACHINES: &str = "artifacts of virtual machines";

impl FromNode for Spec {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let fields = Fields::from_mapping(node, owner, SPEC_KEYS, problems)?;
        fields.require(
            "apiVersion",
            "`apiVersion: diskette/v1` says how to read the file",
            problems,
        );
        fields.require(
            "platforms",
            "name what the disk runs on: `platforms: {linux/amd64: {disk: …}}`",
            problems,
        );
        Some(Self {
            api_version: fields.get("apiVersion", problems),
            kind: fields.get("kind", problems),
            for_images: fields.misplaced(
                &["files", "env", "labels", "kubevirt"],
                IMAGES,
                "remove it: a VM artifact has a virtual machine, its disks and annotations",
            ),
            for_machines: fields.misplaced(&["vm"], MACHINES, "add `kind: vm`, or remove `vm`"),
            vm: fields.get("vm", problems),
            image: fields.get("image", problems),
            tags: fields.get("tags", problems),
            platforms: fields.get("platforms", problems),
            release: fields.get("release", problems),
            policy: fields.get("policy", problems),
            docs: fields.get("docs", problems),
            kubevirt: fields.get("kubevirt", problems),
            files: fields.get("files", problems),
            env: fields.get("env", problems),
            labels: fields.get("labels", problems),
            annotations: fields.get("annotations", problems),
            compression: fields.get("compression", problems),
        })
    }
}

impl FromNode for Located<SpecKind> {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let known = [("image", SpecKind::Image), ("vm", SpecKind::Vm)];
        read_choice(node, owner, "kind", &known, problems)
    }
}

impl FromNode for MachineSpec {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        match node.value {
            NodeValue::Map(_) => Some(Self::Inline(InlineMachine(node.clone()))),
            _ => LocatedText::from_node(node, owner, problems).map(Self::File),
        }
    }
}

impl FromNode for SpecPlatforms {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        match node.value {
            NodeValue::List(_) => FromNode::from_node(node, owner, problems).map(Self::Names),
            _ => FromNode::from_node(node, owner, problems).map(Self::Each),
        }
    }
}

impl FromNode for PlatformSpec {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        if let NodeValue::Text(disk) = &node.value {
            let problem = unexpected_value("a mapping", node);
            problems
                .push(Diagnostic { help: vec![format!("write `{{disk: {disk}}}`")], ..problem });
            return None;
        }
        let fields = Fields::from_mapping(node, owner, PLATFORM_KEYS, problems)?;
        Some(Self {
            without_disk: fields.missing_key("disk", "add `disk:` with the path of the disk"),
            disk: fields.get("disk", problems),
            for_images: [
                fields.misplaced(&["disk", "path"], IMAGES, "use `disks: {VOLUME: PATH}`"),
                fields.misplaced(
                    &["files", "env", "labels", "kubevirt"],
                    IMAGES,
                    "remove it: a VM artifact has a virtual machine, its disks and annotations",
                ),
            ]
            .concat(),
            for_machines: fields.misplaced(
                &["disks"],
                MACHINES,
                "use `disk: PATH`, or add `kind: vm` at the top of the file",
            ),
            without_disks: fields
                .missing_key("disks", "add `disks: {VOLUME: PATH}` with the disk of each volume"),
            disks: fields.get("disks", problems),
            path: fields.get("path", problems),
            release: fields.get("release", problems),
            kubevirt: fields.get("kubevirt", problems),
            files: fields.get("files", problems),
            env: fields.get("env", problems),
            labels: fields.get("labels", problems),
            compression: fields.get("compression", problems),
        })
    }
}

impl FromNode for KubevirtSpec {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let fields = Fields::from_mapping(node, owner, KUBEVIRT_KEYS, problems)?;
        Some(Self {
            instancetype: fields.get("instancetype", problems),
            instancetype_kind: fields.get("instancetypeKind", problems),
            preference: fields.get("preference", problems),
            preference_kind: fields.get("preferenceKind", problems),
            labels: fields.get("labels", problems),
        })
    }
}

impl FromNode for FileSpec {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let fields = Fields::from_mapping(node, owner, FILE_KEYS, problems)?;
        fields.require("path", "add `path:` with the path of the file in the image", problems);
        fields.require("source", "add `source:` with the path of the content", problems);
        let (path, source) = (fields.get("path", problems), fields.get("source", problems));
        Some(Self { path: path?, source: source? })
    }
}

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

impl FromNode for Located<FlattenSpec> {
    fn from_node(node: &Node, _: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let NodeValue::Bool(flatten) = node.value else {
            let problem = unexpected_value("true or false", node);
            problems.push(problem.help("write `true` or `false`, without quotes"));
            return None;
        };
        Some(Self { value: FlattenSpec(flatten), span: node.span.clone() })
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

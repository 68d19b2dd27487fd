//! *Reading* makes the types of a spec from nodes. It reports every key it does not know and every
//! value of the wrong kind, and goes on with what is left, so that one run shows all mistakes.

use super::fields::{Fields, ReadNode, choose, mapping, read_value, unexpected};
use super::keys::{DETAILS, FILE, KUBEVIRT, PLATFORM, SPEC};
use super::located::{Entries, Located, Text};
use super::node::{Node, NodeValue};
use super::types::{
    Compress, Convert, Details, FileSpec, Kubevirt, PlatformSpec, Platforms, Source, Spec, Unpack,
};
use crate::recipe::diagnostic::{Diagnostic, Span};

impl ReadNode for Spec {
    fn read(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let fields = Fields::of(node, owner, SPEC, problems)?;
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
        })
    }
}

impl ReadNode for Platforms {
    fn read(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        match node.value {
            NodeValue::List(_) => ReadNode::read(node, owner, problems).map(Self::Names),
            _ => ReadNode::read(node, owner, problems).map(Self::Each),
        }
    }
}

impl ReadNode for PlatformSpec {
    fn read(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        if let NodeValue::Text(disk) = &node.value {
            let problem = unexpected("a mapping", node);
            problems
                .push(Diagnostic { help: vec![format!("write `{{disk: {disk}}}`")], ..problem });
            return None;
        }
        let fields = Fields::of(node, owner, PLATFORM, problems)?;
        Some(Self {
            without_disk: fields.missing("disk", "add `disk:` with the path of the disk"),
            disk: fields.get("disk", problems),
            release: fields.get("release", problems),
            kubevirt: fields.get("kubevirt", problems),
            files: fields.get("files", problems),
            env: fields.get("env", problems),
            labels: fields.get("labels", problems),
        })
    }
}

impl ReadNode for Kubevirt {
    fn read(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let fields = Fields::of(node, owner, KUBEVIRT, problems)?;
        Some(Self {
            instancetype: fields.get("instancetype", problems),
            instancetype_kind: fields.get("instancetypeKind", problems),
            preference: fields.get("preference", problems),
            preference_kind: fields.get("preferenceKind", problems),
            labels: fields.get("labels", problems),
        })
    }
}

impl ReadNode for FileSpec {
    fn read(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let fields = Fields::of(node, owner, FILE, problems)?;
        fields.require("path", "add `path:` with the file's place in the image", problems);
        fields.require("source", "add `source:` with the path of the content", problems);
        let (path, source) = (fields.get("path", problems), fields.get("source", problems));
        Some(Self { path: path?, source: source? })
    }
}

impl ReadNode for Source {
    fn read(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        if !matches!(node.value, NodeValue::Map(_)) {
            return Text::read(node, owner, problems).map(Self::Plain);
        }
        let fields = Fields::of(node, owner, DETAILS, problems)?;
        let details = Details {
            path: fields.get("path", problems),
            url: fields.get("url", problems),
            sha256: fields.get("sha256", problems),
            sha512: fields.get("sha512", problems),
            unpack: fields.get("unpack", problems),
            name: fields.get("name", problems),
            convert: fields.get("convert", problems),
            compress: fields.get("compress", problems),
        };
        if details.path.is_none() && details.url.is_none() {
            if !fields.has("path") && !fields.has("url") {
                problems.push(
                    Diagnostic::new("neither `path` nor `url` is given")
                        .at(owner.clone())
                        .help("say where the content comes from: `path: …` or `url: …`"),
                );
            }
            return None;
        }
        Some(Self::Detailed(Box::new(details)))
    }
}

impl ReadNode for Located<Unpack> {
    fn read(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let known = [
            ("gz", Unpack::Gz),
            ("xz", Unpack::Xz),
            ("zst", Unpack::Zst),
            ("bz2", Unpack::Bz2),
            ("none", Unpack::None),
        ];
        choose(node, owner, "packing", &known, problems)
    }
}

impl ReadNode for Located<Convert> {
    fn read(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let known = [("qcow2", Convert::Qcow2), ("raw", Convert::Raw)];
        choose(node, owner, "format", &known, problems)
    }
}

impl ReadNode for Located<Compress> {
    fn read(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let known = [("zlib", Compress::Zlib), ("zstd", Compress::Zstd), ("none", Compress::None)];
        choose(node, owner, "compression", &known, problems)
    }
}

impl ReadNode for Text {
    fn read(node: &Node, _: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        if let NodeValue::Text(text) = &node.value {
            return Some(Self { value: text.clone(), span: node.span.clone() });
        }
        problems.push(unexpected("text", node));
        None
    }
}

impl<T: ReadNode> ReadNode for Vec<T> {
    fn read(node: &Node, _: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let NodeValue::List(items) = &node.value else {
            problems.push(unexpected("a list", node));
            return None;
        };
        Some(items.iter().filter_map(|item| T::read(item, &item.span, problems)).collect())
    }
}

impl<T: ReadNode> ReadNode for Located<Vec<T>> {
    fn read(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        refuse_empty(node, problems)?;
        Some(Self { value: Vec::read(node, owner, problems)?, span: owner.clone() })
    }
}

impl<T: ReadNode> ReadNode for Entries<T> {
    fn read(node: &Node, _: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let mut entries = Vec::new();
        for (key, name, value) in mapping(node, problems)? {
            let text = Text { value: name.into(), span: key.clone() };
            entries.extend(read_value(name, key, value, problems).map(|value| (text, value)));
        }
        Some(Self(entries))
    }
}

impl<T: ReadNode> ReadNode for Located<Entries<T>> {
    fn read(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        refuse_empty(node, problems)?;
        Some(Self { value: Entries::read(node, owner, problems)?, span: owner.clone() })
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

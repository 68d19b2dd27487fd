//! *Reading* converts nodes to the types of a spec. It reports each unknown key and each value of
//! the wrong kind and continues with the rest, so that one run shows all mistakes.

use super::content::{FileSpec, KubevirtSpec, PlatformSpec, SpecPlatforms};
use super::fields::{Fields, FromNode, read_choice, unexpected_value};
use super::keys::{FILE_KEYS, KUBEVIRT_KEYS, PLATFORM_KEYS, SPEC_KEYS};
use super::located::Located;
use super::node::{Node, NodeValue};
use super::types::{Spec, SpecFormat, SpecKind};
use crate::recipe::AttestationKind;
use crate::recipe::diagnostic::{Diagnostic, Span};

/// Keys of container images alone, beside those of a spec or a platform.
const CONTAINER_KEYS: [&str; 4] = ["files", "env", "labels", "kubevirt"];

/// What to do about them in a disk artifact.
const REMOVE_FROM_DISK: &str =
    "remove it, or build an image: a disk artifact has a disk and annotations";

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
            format: fields.get("format", problems),
            for_images: [
                fields.misplaced(&["format"], IMAGES, "remove it: `kind: vm` is an artifact"),
                fields.misplaced(
                    &CONTAINER_KEYS,
                    IMAGES,
                    "remove it: a VM artifact has a virtual machine, its disks and annotations",
                ),
            ]
            .concat(),
            for_containers: fields.misplaced(&CONTAINER_KEYS, IMAGES, REMOVE_FROM_DISK),
            for_compressed: fields.misplaced(&["compression"], IMAGES, REMOVE_FROM_DISK),
            chosen_format: None,
            for_machines: fields.misplaced(&["vm"], MACHINES, "add `kind: vm`, or remove `vm`"),
            vm: fields.get("vm", problems),
            image: fields.get("image", problems),
            tags: fields.get("tags", problems),
            subject: fields.get("subject", problems),
            attest: fields.get("attest", problems),
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

impl FromNode for Located<AttestationKind> {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        read_choice(node, owner, "attestation", &AttestationKind::ALL, problems)
    }
}

impl FromNode for Located<SpecFormat> {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let known = [("oci", SpecFormat::Oci), ("artifact", SpecFormat::Artifact)];
        read_choice(node, owner, "format", &known, problems)
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
                    &CONTAINER_KEYS,
                    IMAGES,
                    "remove it: a VM artifact has a virtual machine, its disks and annotations",
                ),
            ]
            .concat(),
            for_containers: [&CONTAINER_KEYS[..], &["path"]]
                .map(|keys| fields.misplaced(keys, IMAGES, REMOVE_FROM_DISK))
                .concat(),
            for_compressed: fields.misplaced(&["compression"], IMAGES, REMOVE_FROM_DISK),
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

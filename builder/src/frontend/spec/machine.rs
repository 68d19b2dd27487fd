//! The *virtual machine* of a VM artifact: an object of Kubernetes, in the spec or in a file beside it,
//! and the checks that importers do.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::fields::{add_suggestion, read_mapping, unexpected_value};
use super::located::{Located, LocatedText, UserMapping};
use super::location::parse_path;
use super::node::{Node, NodeValue};
use super::types::{MachineSpec, SourceSpec};
use super::yaml;
use crate::cluster::kubernetes::parse_label_name;
use crate::cluster::vm::{MachineDocument, MachineKind, OS, VolumeSource};
use crate::engine::source::InputFiles;
use crate::oci::image::platform::Platform;
use crate::recipe::SourceLocation;
use crate::recipe::diagnostic::{Diagnostic, SourceText, Span};

/// The virtual machine of a spec.
#[derive(Debug)]
pub(super) struct LocatedMachine {
    pub(super) document: MachineDocument,
    /// The text that it was read from.
    node: Node,
}

/// Reads the virtual machine of a spec.
pub(super) fn load_machine(
    spec: &MachineSpec,
    files: &dyn InputFiles,
    problems: &mut Vec<Diagnostic>,
) -> Option<LocatedMachine> {
    let node = match spec {
        MachineSpec::Inline(inline) => inline.0.clone(),
        MachineSpec::File(path) => {
            let read = read_file(path, files);
            read.map_err(|problem| problems.push(*problem)).ok()?
        }
    };
    let object = to_json(&node, problems)?;
    let Some(document) = MachineDocument::new(object) else {
        problems.push(
            Diagnostic::new("this is neither a VirtualMachine nor a VirtualMachineTemplate")
                .at(node.span.clone())
                .help(
                    "write `apiVersion: kubevirt.io/v1` and `kind: VirtualMachine`, or \
                     `apiVersion: template.kubevirt.io/v1beta1` and `kind: VirtualMachineTemplate`",
                ),
        );
        return None;
    };
    let machine = LocatedMachine { document, node };
    machine.check(problems);
    Some(machine)
}

/// Reads the only document of a file.
fn read_file(path: &LocatedText, files: &dyn InputFiles) -> Result<Node, Box<Diagnostic>> {
    let refused = |message: String, help: &str| {
        Box::new(Diagnostic::new(message).at(path.span.clone()).help(help))
    };
    let SourceLocation::File(file) = parse_path(path)?.value else {
        let message = format!("`{}` is not a path", path.value.escape_debug());
        return Err(refused(message, "name a file beside the spec"));
    };
    let name = file.path.display().to_string();
    let read = files.open(&file).and_then(|file| {
        let mut text = String::new();
        file.take(yaml::SIZE_LIMIT as u64 + 1).read_to_string(&mut text)?;
        Ok(text)
    });
    let text = read.map_err(|error: io::Error| {
        refused(format!("cannot read `{name}`: {error}"), "paths are relative to the spec")
    })?;
    let source = Arc::new(SourceText { name: name.clone(), text });
    let mut documents = yaml::parse(&source).map_err(Box::new)?;
    match (documents.pop(), documents.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            let problem = Diagnostic::new(format!("`{name}` has several documents"));
            Err(Box::new(problem.at(last.span).help("keep only the virtual machine in it")))
        }
        (None, _) => {
            let problem = refused(format!("`{name}` is empty"), "write the virtual machine in it");
            Err(problem)
        }
    }
}

/// Converts a node to JSON.
fn to_json(node: &Node, problems: &mut Vec<Diagnostic>) -> Option<Value> {
    Some(match &node.value {
        NodeValue::Text(text) => Value::String(text.clone()),
        NodeValue::Number(Some(number)) => Value::Number(number.clone()),
        NodeValue::Number(None) => {
            problems.push(unexpected_value("a finite number", node).help("quote it if it is text"));
            return None;
        }
        NodeValue::Bool(value) => Value::Bool(*value),
        NodeValue::Null => Value::Null,
        NodeValue::List(items) => {
            let items: Vec<Option<Value>> =
                items.iter().map(|item| to_json(item, problems)).collect();
            Value::Array(items.into_iter().collect::<Option<_>>()?)
        }
        NodeValue::Map(_) => {
            let before = problems.len();
            let mut fields = Map::new();
            for (_, name, value) in read_mapping(node, problems)? {
                let value = to_json(value, problems);
                fields.extend(value.map(|value| (name.to_owned(), value)));
            }
            if problems.len() > before {
                return None;
            }
            Value::Object(fields)
        }
    })
}

impl LocatedMachine {
    /// Reports what is wrong with the virtual machine whatever its disks.
    fn check(&self, problems: &mut Vec<Diagnostic>) {
        if self.document.name().is_empty() {
            problems.push(
                Diagnostic::new(format!("the {} has no name", self.document.kind.object_kind()))
                    .at(self.node.span.clone())
                    .help("add `metadata: {name: …}`"),
            );
        }
        let mut names: HashMap<&str, usize> = HashMap::new();
        for (index, volume) in self.document.volumes().iter().enumerate() {
            let at = || self.volume_span(index);
            if let Err(error) = parse_label_name(volume.name) {
                let name = volume.name.escape_debug();
                let message = format!("`{name}` is not a name of a volume");
                problems.push(Diagnostic::new(message).at(at()).help(error.to_string()));
            } else if let Some(first) = names.insert(volume.name, index) {
                let (line, _) = self.volume_span(first).line_column();
                problems.push(
                    Diagnostic::new(format!("two volumes are named `{}`", volume.name))
                        .at(at())
                        .help(format!("the other one is on line {line}; rename one of them")),
                );
            }
        }
    }

    /// Checks that the virtual machine is for this platform.
    pub(super) fn check_platform(
        &self,
        platform: &Platform,
        key: &LocatedText,
        problems: &mut Vec<Diagnostic>,
    ) {
        if platform.os != OS {
            problems.push(
                Diagnostic::new(format!("virtual machines of `{platform}` do not exist"))
                    .at(key.span.clone())
                    .help("the platforms of VM artifacts are of `linux`, whatever their guests"),
            );
        }
        let Some(architecture) = self.document.architecture() else { return };
        if architecture == platform.architecture {
            return;
        }
        let path = ["spec", "template", "spec", "architecture"];
        let (line, _) =
            self.machine_node(&path).map_or(&self.node.span, |it| &it.span).line_column();
        problems.push(
            Diagnostic::new(format!(
                "the virtual machine is for `{}`, and this platform is `{platform}`",
                architecture.escape_debug()
            ))
            .at(key.span.clone())
            .help(format!(
                "line {line} of `{}` sets its architecture; change it, or remove it to build for \
                 several platforms",
                self.node.span.source.name
            )),
        );
    }

    /// Checks that each volume has its disk, and each disk its volume.
    pub(super) fn check_disks(
        &self,
        disks: &Located<UserMapping<SourceSpec>>,
        problems: &mut Vec<Diagnostic>,
    ) {
        let volumes = self.document.volumes();
        let has_disk = |name: &str| disks.value.0.iter().any(|(key, _)| key.value == name);
        for (index, volume) in volumes.iter().enumerate() {
            if self.needs_disk(volume.source) && !has_disk(volume.name) {
                let span = self.volume_span(index);
                let (line, _) = span.line_column();
                problems.push(
                    Diagnostic::new(format!("the volume `{}` has no disk", volume.name))
                        .at(disks.span.clone())
                        .help(format!(
                            "add `{}: PATH`; line {line} of `{}` has the volume",
                            volume.name, span.source.name
                        )),
                );
            }
        }
        let known: Vec<&str> = volumes
            .iter()
            .filter(|volume| self.needs_disk(volume.source))
            .map(|volume| volume.name)
            .collect();
        for (key, _) in &disks.value.0 {
            let named = volumes.iter().find(|volume| volume.name == key.value);
            let problem = match named.map(|volume| volume.source) {
                Some(source) if self.needs_disk(source) => continue,
                Some(VolumeSource::DataVolume(_)) => Diagnostic::new(format!(
                    "the volume `{}` is made anew for each machine of the template",
                    key.value
                ))
                .help("set `source: {pvc: {name: …}}` in its `dataVolumeTemplates`"),
                Some(VolumeSource::Other(source)) => Diagnostic::new(format!(
                    "the volume `{}` is a `{source}`, which has no disk",
                    key.value
                ))
                .help("make it a `persistentVolumeClaim` or a `dataVolume`"),
                _ => add_suggestion(
                    Diagnostic::new(format!(
                        "the virtual machine has no volume `{}`",
                        key.value.escape_debug()
                    )),
                    &key.value,
                    &known,
                    "volumes with disks",
                ),
            };
            problems.push(problem.at(key.span.clone()));
        }
    }

    /// Returns the names of the volumes that have a disk, in order.
    pub(super) fn disk_volumes(&self) -> impl Iterator<Item = String> {
        let volumes = self.document.volumes().into_iter();
        let disks = volumes.filter(|volume| self.needs_disk(volume.source));
        disks.map(|volume| volume.name.to_owned()).collect::<Vec<_>>().into_iter()
    }

    /// Returns whether a volume gets a disk; the `DataVolumes` of a virtual machine become claims.
    fn needs_disk(&self, source: VolumeSource<'_>) -> bool {
        match source {
            VolumeSource::Claim(_) | VolumeSource::Clone(_) => true,
            VolumeSource::DataVolume(_) => self.document.kind == MachineKind::Machine,
            VolumeSource::Other(_) => false,
        }
    }

    /// Returns the span of a volume.
    fn volume_span(&self, index: usize) -> Span {
        let volumes = self.machine_node(&["spec", "template", "spec", "volumes"]);
        let volume = volumes.and_then(|volumes| match &volumes.value {
            NodeValue::List(items) => items.get(index),
            _ => None,
        });
        volume.unwrap_or(&self.node).span.clone()
    }

    /// Returns a node of the virtual machine.
    fn machine_node(&self, path: &[&str]) -> Option<&Node> {
        let path = self.document.kind.machine_path().iter().chain(path);
        path.copied().try_fold(&self.node, |node, name| match &node.value {
            NodeValue::Map(entries) => entries
                .iter()
                .find(|(key, _)| matches!(&key.value, NodeValue::Text(text) if text == name))
                .map(|(_, value)| value),
            _ => None,
        })
    }
}

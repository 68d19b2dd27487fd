//! The *virtual machine* of a VM artifact: an object of Kubernetes, in the spec or in a file beside it.
//!
//! - [`types`]: the key `vm`
//! - [`check`]: the checks that importers do
//! - [`described`]: the machine of an OVA

mod check;
mod described;
mod types;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use serde_json::{Map, Value};

use self::described::load_described_machine;
pub(super) use self::types::MachineSpec;
use crate::cluster::vm::{MachineDocument, MachineKind, VolumeSource};
use crate::engine::source::InputFiles;
use crate::frontend::spec::fields::{read_mapping, unexpected_value};
use crate::frontend::spec::located::LocatedText;
use crate::frontend::spec::location::parse_path;
use crate::frontend::spec::node::{Node, NodeValue};
use crate::frontend::spec::yaml;
use crate::recipe::diagnostic::{Diagnostic, SourceText, Span};
use crate::recipe::{SourceLocation, SourceRecipe};

/// The virtual machine of a spec.
#[derive(Debug)]
pub(super) struct LocatedMachine {
    pub(super) document: MachineDocument,
    /// The text that it was read from.
    node: Node,
    /// The sources of its disks by the names of their volumes, if it was described in an OVA.
    pub(super) described: Option<BTreeMap<String, SourceRecipe>>,
}

/// Reads the virtual machine of a spec.
pub(super) fn load_machine(
    spec: &MachineSpec,
    files: &dyn InputFiles,
    problems: &mut Vec<Diagnostic>,
) -> Option<LocatedMachine> {
    let node = match spec {
        MachineSpec::Ova(ova) => return load_described_machine(&ova.ova, files, problems),
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
    let machine = LocatedMachine { document, node, described: None };
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

//! The *types* of a virtual machine in a spec.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::frontend::spec::fields::{Fields, FromNode};
use crate::frontend::spec::keys::OVA_MACHINE_KEYS;
use crate::frontend::spec::located::LocatedText;
use crate::frontend::spec::node::{Node, NodeValue};
use crate::recipe::diagnostic::{Diagnostic, Span};

/// A virtual machine.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Vm", untagged)]
pub(in crate::frontend::spec) enum MachineSpec {
    /// Path of a file with it, relative to this file.
    File(LocatedText),
    /// An OVA, whose description has the machine.
    Ova(OvaMachine),
    /// The object itself.
    Inline(InlineMachine),
}

/// An OVA whose machine, and whose disks, an artifact has.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "OvaMachine", deny_unknown_fields)]
pub(in crate::frontend::spec) struct OvaMachine {
    /// Path of the OVA, relative to this file.
    #[schemars(extend("examples" = ["appliance.ova"]))]
    pub(in crate::frontend::spec) ova: LocatedText,
}

/// An object of Kubernetes in the spec.
#[derive(Debug)]
pub(in crate::frontend::spec) struct InlineMachine(pub(in crate::frontend::spec) Node);

impl JsonSchema for InlineMachine {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Object".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "required": ["apiVersion", "kind"], "not": { "required": ["ova"] } })
    }
}

impl FromNode for MachineSpec {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        match &node.value {
            NodeValue::Map(entries) if entries.iter().any(|(key, _)| is_ova(key)) => {
                let fields = Fields::from_mapping(node, owner, OVA_MACHINE_KEYS, problems)?;
                Some(Self::Ova(OvaMachine { ova: fields.get("ova", problems)? }))
            }
            NodeValue::Map(_) => Some(Self::Inline(InlineMachine(node.clone()))),
            _ => LocatedText::from_node(node, owner, problems).map(Self::File),
        }
    }
}

fn is_ova(key: &Node) -> bool {
    matches!(&key.value, NodeValue::Text(text) if text == "ova")
}

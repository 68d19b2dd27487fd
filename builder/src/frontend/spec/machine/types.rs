//! The *types* of a virtual machine in a spec.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::frontend::spec::fields::FromNode;
use crate::frontend::spec::located::LocatedText;
use crate::frontend::spec::node::{Node, NodeValue};
use crate::recipe::diagnostic::{Diagnostic, Span};

/// A virtual machine.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Vm", untagged)]
pub(in crate::frontend::spec) enum MachineSpec {
    /// Path of a file with it, relative to this file.
    File(LocatedText),
    /// The object itself.
    Inline(InlineMachine),
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
        json_schema!({ "type": "object", "required": ["apiVersion", "kind"] })
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

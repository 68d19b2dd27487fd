//! The *triggers* of a base: instructions that its ONBUILD left for images that are built on it.

use std::sync::Arc;

use serde_json::Value;

use super::evaluation::Evaluation;
use super::result::EvaluationResult;
use crate::frontend::dockerfile::instruction::{self, Instruction};
use crate::frontend::dockerfile::syntax;
use crate::recipe::diagnostic::SourceText;

impl Evaluation<'_, '_> {
    /// Returns the instructions that the base has for images that are built on it.
    pub(super) fn read_triggers(&self) -> EvaluationResult<Vec<Instruction>> {
        let Some(Value::Array(triggers)) = self.stage.config.get("OnBuild").cloned() else {
            return Ok(Vec::new());
        };
        let name = &self.loader.request.dockerfile.stages[self.number].from.base.text;
        let texts = triggers.iter().filter_map(Value::as_str);
        let source = SourceText {
            name: format!("ONBUILD of {name}"),
            text: texts.flat_map(|text| [text, "\n"]).collect(),
        };
        let mut problems = Vec::new();
        let written = syntax::parse(&Arc::new(source), &mut problems).instructions;
        let read: Vec<Instruction> = written
            .into_iter()
            .filter_map(|written| instruction::read_instruction(written, &mut problems))
            .collect();
        match problems.into_iter().next() {
            Some(problem) => Err(Box::new(problem)),
            None => Ok(read),
        }
    }
}

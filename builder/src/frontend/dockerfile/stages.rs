//! The *stages* of a Dockerfile: each FROM begins one.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::instruction::{self, FromInstruction, Instruction, InstructionHead, InstructionKind};
use super::syntax::{DockerfileSyntax, DockerfileWord};
use crate::recipe::diagnostic::{Diagnostic, SourceText, Span};

/// A parsed Dockerfile.
#[derive(Debug)]
pub struct Dockerfile {
    /// Escape character of the file.
    pub(super) escape: char,
    /// Value of the directive `check`.
    pub(super) check: Option<DockerfileWord>,
    /// Empty lines inside of instructions.
    pub(super) empty_lines: Vec<Span>,
    /// ARG instructions before the first stage.
    pub(super) global_args: Vec<Instruction>,
    pub(super) stages: Vec<DockerfileStage>,
}

/// A name of ARG, and its default.
pub(super) type ArgDeclaration = (DockerfileWord, Option<DockerfileWord>);

/// A stage of a Dockerfile.
#[derive(Debug)]
pub(super) struct DockerfileStage {
    pub(super) from: FromInstruction,
    pub(super) head: InstructionHead,
    pub(super) instructions: Vec<Instruction>,
}

impl Dockerfile {
    pub(super) fn new(
        source: &Arc<SourceText>,
        syntax: DockerfileSyntax,
        problems: &mut Vec<Diagnostic>,
    ) -> Self {
        let DockerfileSyntax { escape, check, instructions, empty_lines } = syntax;
        let is_empty = instructions.is_empty();
        let (global_args, stages) = (Vec::new(), Vec::new());
        let mut dockerfile = Self { escape, check, empty_lines, global_args, stages };
        for written in instructions {
            let is_from = written.keyword.text.eq_ignore_ascii_case("from");
            match (instruction::read_instruction(written, problems), is_from) {
                (Some(instruction), _) => dockerfile.add_instruction(instruction, problems),
                // Instructions after a FROM that cannot be read still belong to a stage.
                (None, true) => return dockerfile,
                (None, false) => {}
            }
        }
        dockerfile.check_stage_numbers(problems);
        if dockerfile.stages.is_empty() && problems.is_empty() {
            let name = &source.name;
            let what = if is_empty {
                "is a file with no instructions"
            } else {
                "contains no stages to build"
            };
            let message = format!("`{name}` {what}");
            problems.push(Diagnostic::new(message).help("begin it with `FROM scratch`"));
        }
        dockerfile
    }

    fn add_instruction(&mut self, instruction: Instruction, problems: &mut Vec<Diagnostic>) {
        match (&instruction.kind, self.stages.last_mut()) {
            (InstructionKind::From(from), _) => {
                let (from, head) = (from.clone(), instruction.head);
                self.stages.push(DockerfileStage { from, head, instructions: Vec::new() });
            }
            (_, Some(stage)) => stage.instructions.push(instruction),
            (InstructionKind::Arg(_), None) => self.global_args.push(instruction),
            (_, None) => problems.push(
                Diagnostic::new("no build stage in current context")
                    .at(instruction.span)
                    .help("only ARG can stand in front of the first FROM"),
            ),
        }
    }

    /// Returns the ARGs before the first stage, each with its default.
    pub(super) fn globals(&self) -> impl Iterator<Item = &ArgDeclaration> {
        self.global_args.iter().flat_map(|instruction| match &instruction.kind {
            InstructionKind::Arg(arguments) => arguments.as_slice(),
            _ => &[],
        })
    }

    /// Reports numbers in `--from` that are not those of earlier stages.
    fn check_stage_numbers(&self, problems: &mut Vec<Diagnostic>) {
        for (number, stage) in self.stages.iter().enumerate() {
            for instruction in &stage.instructions {
                let (InstructionKind::Copy(copy) | InstructionKind::Add(copy)) = &instruction.kind
                else {
                    continue;
                };
                let Some(from) = &copy.from else { continue };
                if from.text.parse::<usize>().is_ok_and(|from| from >= number) {
                    let problem = Diagnostic::new(format!("there is no stage {} above", from.text));
                    let help = "stages are counted from 0, and only those above can be copied from";
                    problems.push(problem.at(from.span.clone()).help(help));
                }
            }
        }
    }

    /// Finds a stage by name or number among those before `end`. A later stage of the same name
    /// wins.
    pub(super) fn find_stage(&self, name: &str, end: usize) -> Option<usize> {
        let is_named = |stage: &DockerfileStage| {
            stage.from.name.as_ref().is_some_and(|own| own.text.eq_ignore_ascii_case(name))
        };
        let stages = &self.stages[..end.min(self.stages.len())];
        stages
            .iter()
            .rposition(is_named)
            .or_else(|| name.parse::<usize>().ok().filter(|number| *number < stages.len()))
    }

    /// Returns the stage to build.
    pub(super) fn find_target(&self, name: Option<&str>) -> Result<usize, Diagnostic> {
        let Some(name) = name else { return Ok(self.stages.len().saturating_sub(1)) };
        self.find_named_stage(name, self.stages.len()).ok_or_else(|| {
            let known: Vec<&str> = self
                .stages
                .iter()
                .filter_map(|stage| Some(&*stage.from.name.as_ref()?.text))
                .collect();
            let problem = Diagnostic::new(format!("target stage `{name}` could not be found"));
            if known.is_empty() {
                return problem.help("no stage has a name; give it one with `FROM … AS NAME`");
            }
            problem.help(format!("there are {}", known.join(", ")))
        })
    }

    /// Returns the stages that a stage needs, including itself, in the order of the file. Others
    /// are not evaluated, and may contain what cannot be. `bases` has the base name of each stage,
    /// with its variables replaced; a stage that `is_replaced` needs no other.
    pub(super) fn needed_stages(
        &self,
        target: usize,
        bases: &[String],
        is_replaced: impl Fn(usize) -> bool,
    ) -> BTreeSet<usize> {
        let mut needed = BTreeSet::from([target]);
        let mut pending = vec![target];
        while let Some(number) = pending.pop() {
            if is_replaced(number) {
                continue;
            }
            // Numbers are for --from only.
            let base = bases.get(number).and_then(|base| self.find_named_stage(base, number));
            let copied = self.copied_stages(&self.stages[number].instructions, number);
            let new: Vec<usize> =
                base.into_iter().chain(copied).filter(|stage| needed.insert(*stage)).collect();
            pending.extend(new);
        }
        needed
    }

    /// Returns the stages before `end` that instructions copy from.
    pub(super) fn copied_stages(&self, instructions: &[Instruction], end: usize) -> Vec<usize> {
        let copied = instructions.iter().filter_map(|instruction| {
            let (InstructionKind::Copy(copy) | InstructionKind::Add(copy)) = &instruction.kind
            else {
                return None;
            };
            self.find_stage(&copy.from.as_ref()?.text, end)
        });
        copied.collect()
    }

    /// Finds the stage that FROM names among those before `end`.
    pub(super) fn find_named_stage(&self, name: &str, end: usize) -> Option<usize> {
        self.find_stage(name, end).filter(|_| name.parse::<usize>().is_err())
    }
}

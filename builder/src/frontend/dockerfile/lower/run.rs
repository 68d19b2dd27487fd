//! RUN in a stage, which is evaluated on the stage's tree.

use super::evaluation::Evaluation;
use super::loader::StageLoader;
use super::result::EvaluationResult;
use crate::frontend::dockerfile::instruction::{CommandForm, Instruction, RunInstruction};
use crate::frontend::dockerfile::run::{
    RunContext, RunError, RunInputs, RunLine, check_run_line, evaluate_run_line, flag_error,
};
use crate::oci::image::platform::Platform;
use crate::oci::tar::TarEntry;
use crate::recipe::SourceRecipe;
use crate::recipe::diagnostic::{Diagnostic, Span};

impl Evaluation<'_, '_> {
    pub(super) fn evaluate_run(
        &mut self,
        instruction: &Instruction,
        run: &RunInstruction,
    ) -> EvaluationResult<()> {
        if let Some(flag) = run.flags.first() {
            return Err(run_diagnostic(flag_error(&flag.text, 0..0), flag.span.clone()).into());
        }
        let variables = self.variables.run_environment();
        let (accounts, identity) = (self.accounts(), self.identity(&instruction.span)?);
        let (has_workdir, shell) = (self.stage.has_workdir(), self.stage.shell());
        let directory = if has_workdir { self.stage.workdir().to_owned() } else { String::new() };
        let platform = self.stage.config.platform();
        let inputs = StageInputs { loader: self.loader, platform, origin: &instruction.span };
        let context = RunContext {
            variables: &variables,
            directory: &directory,
            identity: &identity,
            accounts: &accounts,
            shell: &shell,
            inputs: &inputs,
        };
        let script = script_text(run);
        let notes = evaluate_run_line(&mut self.stage.tree, run_line(run, &script), &context)
            .map_err(|error| Box::new(located_diagnostic(instruction, run, error)))?;
        for note in notes {
            self.loader.warn(Diagnostic::new(note).at(instruction.span.clone()));
        }
        Ok(())
    }
}

/// What RUN reads beside the tree of its stage.
struct StageInputs<'e, 'a> {
    loader: &'e StageLoader<'a>,
    platform: Option<Platform>,
    origin: &'e Span,
}

impl RunInputs for StageInputs<'_, '_> {
    fn read_small(&self, source: &SourceRecipe) -> Option<Vec<u8>> {
        self.loader.read_small_source(source)
    }

    fn list_archive(&self, source: &SourceRecipe) -> Result<Option<Vec<TarEntry>>, String> {
        self.loader.list_archive(source).map_err(|problem| problem.message)
    }

    fn platform(&self) -> Option<&Platform> {
        self.platform.as_ref()
    }

    fn origin(&self) -> Option<&Span> {
        Some(self.origin)
    }
}

impl std::fmt::Debug for StageInputs<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StageInputs").field("platform", &self.platform).finish_non_exhaustive()
    }
}

/// Checks what is known of a RUN without the files of its stage.
pub(super) fn check_run(instruction: &Instruction, run: &RunInstruction) -> EvaluationResult<()> {
    if let Some(flag) = run.flags.first() {
        return Err(run_diagnostic(flag_error(&flag.text, 0..0), flag.span.clone()).into());
    }
    check_run_line(run_line(run, &script_text(run)))
        .map_err(|error| Box::new(located_diagnostic(instruction, run, error)))
}

/// Returns the script of a RUN in the shell form. A here-document is the script if there is nothing
/// else; otherwise the shell reads them (moby/buildkit `frontend/dockerfile/dockerfile2llb`).
fn script_text(run: &RunInstruction) -> String {
    let CommandForm::Shell(text) = &run.command else { return String::new() };
    match &run.heredocs[..] {
        [document] if is_document_alone(text) => document.content.clone(),
        documents => documents.iter().fold(text.clone(), |mut script, document| {
            script.push('\n');
            script.push_str(&document.content);
            script.push_str(&document.name);
            script
        }),
    }
}

/// Returns whether a here-document is all that a RUN has.
fn is_document_alone(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("<<") && !text.contains(char::is_whitespace)
}

fn run_line<'r>(run: &'r RunInstruction, script: &'r str) -> RunLine<'r> {
    match &run.command {
        CommandForm::Shell(_) => RunLine::Shell(script),
        CommandForm::Exec(words) => RunLine::Exec(words),
    }
}

/// Returns the diagnostic at the part of a RUN that an error points to.
fn located_diagnostic(
    instruction: &Instruction,
    run: &RunInstruction,
    error: RunError,
) -> Diagnostic {
    // The text of a here-document has no positions.
    let is_written = match &run.command {
        CommandForm::Shell(text) if run.heredocs.is_empty() => error.range.end <= text.len(),
        CommandForm::Shell(text) => !is_document_alone(text) && error.range.end <= text.len(),
        CommandForm::Exec(_) => false,
    };
    let at = if is_written && !error.range.is_empty() {
        run.rest.span_of(error.range.clone())
    } else {
        instruction.span.clone()
    };
    run_diagnostic(error, at)
}

fn run_diagnostic(error: RunError, at: Span) -> Diagnostic {
    let problem = Diagnostic::new(error.message).at(at);
    if error.help.is_empty() { problem } else { problem.help(error.help) }
}

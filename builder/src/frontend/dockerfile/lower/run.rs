//! RUN in a stage, which is evaluated on the stage's tree.

use super::evaluation::Evaluation;
use super::result::EvaluationResult;
use crate::frontend::dockerfile::instruction::{CommandForm, Instruction, RunInstruction};
use crate::frontend::dockerfile::run::{
    RunContext, RunError, RunLine, check_run_line, evaluate_run_line, flag_error,
};
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
        let (directory, shell) = (self.stage.workdir().to_owned(), self.stage.shell());
        let context = RunContext {
            variables: &variables,
            directory: &directory,
            identity: &identity,
            accounts: &accounts,
            shell: &shell,
        };
        evaluate_run_line(&mut self.stage.tree, run_line(run), &context)
            .map_err(|error| Box::new(located_diagnostic(instruction, run, error)))
    }
}

/// Checks what can be told of a RUN without the files of its stage.
pub(super) fn check_run(instruction: &Instruction, run: &RunInstruction) -> EvaluationResult<()> {
    if let Some(flag) = run.flags.first() {
        return Err(run_diagnostic(flag_error(&flag.text, 0..0), flag.span.clone()).into());
    }
    check_run_line(run_line(run))
        .map_err(|error| Box::new(located_diagnostic(instruction, run, error)))
}

/// Returns what a RUN runs; a here-document is the script.
fn run_line(run: &RunInstruction) -> RunLine<'_> {
    match (&run.command, &run.heredocs[..]) {
        (CommandForm::Shell(text), [document]) if text.trim().starts_with("<<") => {
            RunLine::Shell(&document.content)
        }
        (CommandForm::Shell(text), _) => RunLine::Shell(text),
        (CommandForm::Exec(words), _) => RunLine::Exec(words),
    }
}

/// Returns the diagnostic at the part of a RUN that an error points to.
fn located_diagnostic(
    instruction: &Instruction,
    run: &RunInstruction,
    error: RunError,
) -> Diagnostic {
    // The text of a here-document has no positions.
    let is_written = match (&run.command, run_line(run)) {
        (CommandForm::Shell(text), RunLine::Shell(script)) => std::ptr::eq(text.as_str(), script),
        _ => false,
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

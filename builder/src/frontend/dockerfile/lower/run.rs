//! RUN in a stage, which is evaluated on the stage's tree.

use super::evaluation::Evaluation;
use super::result::EvaluationResult;
use crate::frontend::dockerfile::instruction::{CommandForm, Instruction, RunInstruction};
use crate::frontend::dockerfile::run::{
    RunContext, RunError, RunLine, evaluate_run_line, flag_error,
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
        let (line, is_written) = match (&run.command, &run.heredocs[..]) {
            // The here-document is the script.
            (CommandForm::Shell(text), [document]) if text.trim().starts_with("<<") => {
                (RunLine::Shell(&document.content), false)
            }
            (CommandForm::Shell(text), _) => (RunLine::Shell(text), true),
            (CommandForm::Exec(words), _) => (RunLine::Exec(words), false),
        };
        evaluate_run_line(&mut self.stage.tree, line, &context).map_err(|error| {
            let at = if is_written && !error.range.is_empty() {
                run.rest.span_of(error.range.clone())
            } else {
                instruction.span.clone()
            };
            Box::new(run_diagnostic(error, at))
        })
    }
}

fn run_diagnostic(error: RunError, at: Span) -> Diagnostic {
    let problem = Diagnostic::new(error.message).at(at);
    if error.help.is_empty() { problem } else { problem.help(error.help) }
}

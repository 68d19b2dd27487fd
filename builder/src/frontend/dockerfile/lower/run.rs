//! RUN in a stage: it is evaluated on the stage's tree.

use super::evaluation::Evaluation;
use super::outcome::Outcome;
use crate::frontend::dockerfile::instruction::{Command, Instruction, Run};
use crate::frontend::dockerfile::run::{RunContext, RunError, RunLine, evaluate, refuse_flag};
use crate::recipe::diagnostic::{Diagnostic, Span};

impl Evaluation<'_, '_> {
    pub(super) fn run_line(&mut self, instruction: &Instruction, run: &Run) -> Outcome<()> {
        if let Some(flag) = run.flags.first() {
            return Err(wrong(refuse_flag(&flag.text, 0..0), flag.span.clone()).into());
        }
        let variables = self.variables.variables();
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
            // The document is the script.
            (Command::Shell(text), [document]) if text.trim().starts_with("<<") => {
                (RunLine::Shell(&document.content), false)
            }
            (Command::Shell(text), _) => (RunLine::Shell(text), true),
            (Command::Exec(words), _) => (RunLine::Exec(words), false),
        };
        evaluate(&mut self.stage.tree, line, &context).map_err(|error| {
            let at = if is_written && !error.range.is_empty() {
                run.rest.part(error.range.clone())
            } else {
                instruction.span.clone()
            };
            Box::new(wrong(error, at))
        })
    }
}

fn wrong(error: RunError, at: Span) -> Diagnostic {
    let problem = Diagnostic::new(error.message).at(at);
    if error.help.is_empty() { problem } else { problem.help(error.help) }
}

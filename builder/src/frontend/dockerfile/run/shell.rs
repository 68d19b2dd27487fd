//! A *shell* runs the commands of a script one after the other.

use super::budget::Exhausted;
use super::content::Content;
use super::error::RunError;
use super::expand::{ShellParameters, UnsetPolicy};
use super::pattern::ShellPattern;
use super::process::{Process, ProcessState};
use super::script::{
    CaseCommand, CommandKind, CommandList, IfCommand, ListOperator, Pipeline, Script, ShellCommand,
};
use super::settings::{ShellSetting, ShellSettings};

/// Work that a command counts for besides its text, in bytes.
const COMMAND_COST: usize = 256;

/// A shell that runs a script.
pub(super) struct Shell<'a> {
    pub(super) process: Process<'a>,
    pub(super) parameters: ShellParameters<'a>,
    pub(super) settings: ShellSettings,
    /// Error of the last command, if it failed.
    pub(super) failure: Option<RunError>,
    /// Whether the failure was a condition, so that `set -e` has no effect on what it is part of.
    pub(super) is_failure_tested: bool,
    /// How many conditions the current command is part of; there `set -e` has no effect.
    tested: usize,
    /// How many loops the current command is part of.
    pub(super) loops: usize,
}

/// What is run after a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// The next command.
    Continue,
    /// What follows this number of loops.
    Break(usize),
    /// The next round of the loop with this number, from the innermost.
    NextRound(usize),
    /// Nothing.
    Exit,
}

/// What a subshell cannot change.
pub(super) struct ShellState<'a> {
    parameters: ShellParameters<'a>,
    settings: ShellSettings,
    process: ProcessState,
}

impl<'a> Shell<'a> {
    pub(super) fn new(
        process: Process<'a>,
        parameters: ShellParameters<'a>,
        settings: ShellSettings,
    ) -> Self {
        let (failure, is_failure_tested) = (None, false);
        Self { process, parameters, settings, failure, is_failure_tested, tested: 0, loops: 0 }
    }

    /// Runs a whole script and returns the notes of its commands; the error is that of the last
    /// command if it fails.
    pub(super) fn run(mut self, script: &Script) -> Result<Vec<String>, RunError> {
        self.run_script(script)?;
        if self.parameters.is_unset_used() {
            self.process.tree.use_base();
        }
        if self.process.budget.is_exhausted() {
            // Some commands take a file that they cannot look up for one that does not exist.
            return Err(RunError::new(Exhausted.to_string(), 0..0));
        }
        self.failure.map_or(Ok(self.process.notes), Err)
    }

    pub(super) fn run_script(&mut self, Script(lists): &Script) -> Result<Flow, RunError> {
        for list in lists {
            let flow = self.run_list(list)?;
            if flow != Flow::Continue {
                return Ok(flow);
            }
        }
        Ok(Flow::Continue)
    }

    fn run_list(&mut self, CommandList(pipelines): &CommandList) -> Result<Flow, RunError> {
        for (at, (join, pipeline)) in pipelines.iter().enumerate() {
            let is_due = match join {
                ListOperator::First => true,
                ListOperator::And => self.failure.is_none(),
                ListOperator::Or => self.failure.is_some(),
            };
            if !is_due {
                continue;
            }
            // The status of a command before `&&` or `||` is tested, so it does not end the script.
            let is_tested = at + 1 < pipelines.len() || pipeline.is_negated;
            let flow = if is_tested {
                self.run_tested(|shell| shell.run_pipeline(pipeline))?
            } else {
                self.run_pipeline(pipeline)?
            };
            self.is_failure_tested |= is_tested;
            let is_tested = self.is_failure_tested || self.tested > 0;
            let is_fatal = !is_tested && self.settings.has(ShellSetting::Errexit);
            if flow != Flow::Continue {
                return Ok(flow);
            }
            if is_fatal && self.failure.is_some() {
                return Ok(Flow::Exit);
            }
        }
        Ok(Flow::Continue)
    }

    /// Runs what does not end the script if it fails.
    pub(super) fn run_tested(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<Flow, RunError>,
    ) -> Result<Flow, RunError> {
        self.tested += 1;
        let flow = run(self)?;
        self.tested -= 1;
        Ok(flow)
    }

    fn run_pipeline(&mut self, pipeline: &Pipeline) -> Result<Flow, RunError> {
        let flow = match pipeline.commands.as_slice() {
            [only] => self.run_command(only)?,
            commands => self.run_piped(commands)?,
        };
        if pipeline.is_negated {
            let range = pipeline.commands.first().map_or(0..0, |command| command.range.clone());
            self.failure = match self.failure.take() {
                Some(_) => None,
                None => Some(RunError::new("the command behind `!` succeeds", range)),
            };
        }
        Ok(flow)
    }

    /// Runs commands in subshells, each of which reads what the one before it writes.
    fn run_piped(&mut self, commands: &[ShellCommand]) -> Result<Flow, RunError> {
        let mut outer_input = Content::default();
        let mut failure = None;
        for (at, command) in commands.iter().enumerate() {
            let is_last = at + 1 == commands.len();
            if is_last {
                self.run_subshell(|shell| shell.run_command(command))?;
            } else {
                let run = |shell: &mut Self| {
                    shell.run_subshell(|shell| shell.run_command(command)).map(drop)
                };
                let output = self.capture(run)?;
                let left = std::mem::replace(&mut self.process.input, output);
                // The first command reads what this shell would read.
                if at == 0 {
                    outer_input = left;
                }
            }
            let failed = self.failure.take();
            if is_last || self.settings.has(ShellSetting::Pipefail) {
                failure = failed.or(failure);
            }
        }
        self.process.input = outer_input;
        self.failure = failure;
        Ok(Flow::Continue)
    }

    /// Runs what cannot change variables, settings or the working directory.
    pub(super) fn run_subshell(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<Flow, RunError>,
    ) -> Result<Flow, RunError> {
        self.parameters.spend(self.parameters.assigned_len(), &(0..0))?;
        let state = ShellState {
            parameters: self.parameters.clone(),
            settings: self.settings,
            process: self.process.state(),
        };
        run(self)?;
        let ShellState { parameters, settings, process } = state;
        self.parameters = self.parameters.restore(parameters);
        self.settings = settings;
        self.process.set_state(process);
        self.is_failure_tested = false;
        Ok(Flow::Continue)
    }

    /// Runs a command with its redirections.
    fn run_command(&mut self, command: &ShellCommand) -> Result<Flow, RunError> {
        self.parameters.spend(COMMAND_COST + command.range.len(), &command.range)?;
        self.is_failure_tested = false;
        if let CommandKind::Simple(simple) = &command.kind {
            return self.run_simple(simple, command);
        }
        let streams = match self.open_streams(&command.redirections)? {
            Ok(streams) => streams,
            Err(failure) => {
                self.failure = Some(failure);
                return Ok(Flow::Continue);
            }
        };
        self.failure = None;
        let flow = match &command.kind {
            CommandKind::Simple(_) => Flow::Continue,
            CommandKind::Group(script) => self.run_script(script)?,
            CommandKind::Subshell(script) => self.run_subshell(|shell| shell.run_script(script))?,
            CommandKind::If(command) => self.run_if(command)?,
            CommandKind::For(command) => self.run_for(command)?,
            CommandKind::While(command) => {
                let flow = self.run_while(command);
                flow.map_err(|error| {
                    if self.process.budget.is_exhausted() {
                        RunError::new("this loop does not end, or not soon", error.range)
                    } else {
                        error
                    }
                })?
            }
            CommandKind::Case(command) => self.run_case(command)?,
        };
        self.close_streams(streams, command.range.clone())?;
        Ok(flow)
    }

    fn run_if(&mut self, command: &IfCommand) -> Result<Flow, RunError> {
        for (condition, body) in &command.branches {
            let flow = self.run_tested(|shell| shell.run_script(condition))?;
            if flow != Flow::Continue {
                return Ok(flow);
            }
            if self.failure.take().is_none() {
                return self.run_script(body);
            }
        }
        self.run_script(&command.otherwise)
    }

    fn run_case(&mut self, command: &CaseCommand) -> Result<Flow, RunError> {
        let subject = self.expand_value(&command.subject)?;
        for (patterns, body) in &command.arms {
            for word in patterns {
                let resolved = self.run_substitutions(word)?;
                let letters = self.parameters.expand_pattern(&resolved, self.unset_policy())?;
                let range = &word.range;
                self.parameters
                    .spend(subject.len().saturating_mul(1 + letters.len() / 16), range)?;
                let pattern = ShellPattern::new(&letters)
                    .map_err(|problem| RunError::not_evaluated(problem.0, range.clone()))?;
                if pattern.matches(subject.as_bytes()) {
                    self.failure = None;
                    return self.run_script(body);
                }
            }
        }
        self.failure = None;
        Ok(Flow::Continue)
    }

    pub(super) fn unset_policy(&self) -> UnsetPolicy {
        if self.settings.has(ShellSetting::Nounset) {
            UnsetPolicy::Error
        } else {
            UnsetPolicy::Empty
        }
    }
}

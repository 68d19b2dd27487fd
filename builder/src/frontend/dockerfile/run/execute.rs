//! Runs *simple commands*: words are expanded, streams redirected, and the command is run.

use std::borrow::Cow;
use std::ops::Range;

use super::content::Content;
use super::error::{RunError, instead};
use super::process::Process;
use super::script::{Script, ShellCommand, SimpleCommand};
use super::settings::ShellSetting;
use super::shell::{Flow, Shell};
use super::status::CommandStatus;
use super::word::{
    CommandSubstitution, ParameterAction, ParameterExpansion, Quoting, ShellWord, WordPart,
};
use super::{builtins, commands, glob, pattern};

impl Shell<'_> {
    /// Runs a simple command.
    pub(super) fn run_simple(
        &mut self,
        simple: &SimpleCommand,
        command: &ShellCommand,
    ) -> Result<Flow, RunError> {
        // The status of a command without words is that of its last substitution.
        self.failure = None;
        let mut words = Vec::new();
        for word in &simple.words {
            words.extend(self.expand_arguments(word)?);
        }
        self.assign_all(simple, words.is_empty())?;
        let substituted = self.failure.take();
        let streams = match self.open_streams(&command.redirections)? {
            Ok(streams) => streams,
            Err(failure) => {
                self.failure = Some(failure);
                return Ok(Flow::Continue);
            }
        };
        let range = command.range.clone();
        let flow = match words.first() {
            None => {
                self.failure = substituted;
                Flow::Continue
            }
            Some(name) if builtins::is_builtin(name) => {
                let separators = self.field_separators(simple, name, &range)?;
                self.run_builtin(&words, separators.as_deref(), range.clone())?
            }
            Some(name) => {
                self.check_output(name, &words, &range)?;
                self.failure = match run_words(&mut self.process, &words, range.clone())? {
                    CommandStatus::Success => None,
                    CommandStatus::Failure(said) => {
                        Some(failure_error(&words, &said, range.clone()))
                    }
                };
                Flow::Continue
            }
        };
        self.close_streams(streams, range)?;
        Ok(flow)
    }

    /// Returns the value of `IFS` in front of `read`; any other value in front of a builtin is
    /// refused.
    fn field_separators(
        &mut self,
        simple: &SimpleCommand,
        name: &str,
        range: &Range<usize>,
    ) -> Result<Option<String>, RunError> {
        match simple.assignments.as_slice() {
            [] => Ok(None),
            [(variable, word)] if variable == "IFS" && name == "read" => {
                self.expand_value(word).map(Some)
            }
            _ => {
                let what = format!("a value in front of `{name}`");
                Err(RunError::not_evaluated(&what, range.clone()))
            }
        }
    }

    /// Refuses a command whose output is needed, and not evaluated.
    fn check_output(
        &self,
        name: &str,
        words: &[String],
        range: &Range<usize>,
    ) -> Result<(), RunError> {
        let is_unknown = commands::find_command(name).is_some()
            && !commands::is_output_known(name, words.get(1..).unwrap_or_default());
        if self.process.output.is_some() && is_unknown {
            let what = format!("the output of `{}`", name.escape_debug());
            return Err(RunError::not_evaluated(&what, range.clone()));
        }
        Ok(())
    }

    /// Assigns values; those in front of a command are for its environment, which evaluated commands
    /// do not read.
    fn assign_all(&mut self, simple: &SimpleCommand, is_kept: bool) -> Result<(), RunError> {
        for (name, word) in &simple.assignments {
            let is_pattern = |part: &WordPart| match part {
                WordPart::Text(text, Quoting::Unquoted) => text.contains(['*', '?', '[']),
                _ => false,
            };
            if word.parts.iter().any(is_pattern) {
                let problem = RunError::not_evaluated("a pattern in a value", word.range.clone());
                return Err(problem.help("quote the value"));
            }
            let value = self.expand_value(word)?;
            if is_kept {
                self.parameters.assign(name, value, word.range.clone())?;
            }
        }
        Ok(())
    }

    /// Expands a word to arguments.
    pub(super) fn expand_arguments(&mut self, word: &ShellWord) -> Result<Vec<String>, RunError> {
        let word = self.run_substitutions(word)?;
        let mut arguments = Vec::new();
        for field in self.parameters.expand_fields(&word, self.unset_policy())? {
            let field = if self.settings.has(ShellSetting::Noglob) {
                pattern::quote_all(&field)
            } else {
                field
            };
            let found = glob::expand_field(&self.process, &self.parameters, &field, &word.range)?;
            arguments.extend(found);
        }
        Ok(arguments)
    }

    /// Expands a word to one value.
    pub(super) fn expand_value(&mut self, word: &ShellWord) -> Result<String, RunError> {
        let word = self.run_substitutions(word)?;
        let value = self.parameters.expand_text(&word.parts, self.unset_policy())?;
        self.parameters.spend(value.len(), &word.range)?;
        Ok(value)
    }

    /// Returns a word with the outputs of its command substitutions.
    pub(super) fn run_substitutions<'w>(
        &mut self,
        word: &'w ShellWord,
    ) -> Result<Cow<'w, ShellWord>, RunError> {
        let is_simple = |part: &WordPart| match part {
            WordPart::Text(..) | WordPart::Output(..) => true,
            WordPart::Parameter(parameter) => parameter.action == ParameterAction::Value,
            WordPart::Command(_) => false,
        };
        if word.parts.iter().all(is_simple) {
            return Ok(Cow::Borrowed(word));
        }
        let parts = word.parts.iter().map(|part| match part {
            WordPart::Command(substitution) => {
                Ok(WordPart::Output(self.substitute(substitution)?, substitution.quoting))
            }
            WordPart::Parameter(parameter) => {
                Ok(WordPart::Parameter(self.run_in_parameter(parameter)?))
            }
            other => Ok(other.clone()),
        });
        let parts = parts.collect::<Result<Vec<_>, RunError>>()?;
        Ok(Cow::Owned(ShellWord { parts, range: word.range.clone() }))
    }

    /// Runs the substitutions in the word of a parameter, if the word is used.
    fn run_in_parameter(
        &mut self,
        parameter: &ParameterExpansion,
    ) -> Result<ParameterExpansion, RunError> {
        let mut parameter = parameter.clone();
        let value = self.parameters.look_up(&parameter.name, &parameter.range)?;
        let (is_used, word) = match &mut parameter.action {
            ParameterAction::Value => return Ok(parameter),
            ParameterAction::Default(unset, word) | ParameterAction::Require(unset, word) => {
                (!unset.is_set(value), word)
            }
            ParameterAction::Alternative(unset, word) => (unset.is_set(value), word),
            ParameterAction::Trim(_, _, word) => (true, word),
        };
        if is_used {
            let resolved = self.run_substitutions(word)?.into_owned();
            *word = resolved;
        }
        Ok(parameter)
    }

    /// Returns the output of a command substitution, without the line ends behind it.
    fn substitute(&mut self, substitution: &CommandSubstitution) -> Result<String, RunError> {
        let CommandSubstitution { script, range, .. } = substitution;
        self.parameters.spend(script.len(), range)?;
        let script = Script::parse(script).map_err(|error| error.shifted(range.start))?;
        let run =
            |shell: &mut Self| shell.run_subshell(|shell| shell.run_script(&script)).map(drop);
        let output = self.capture(run).map_err(|error| error.shifted(range.start))?;
        self.failure = self.failure.take().map(|error| error.shifted(range.start));
        let text = output.text(self.process.inputs);
        let text = text.and_then(|text| String::from_utf8(text).ok());
        let Some(text) = text.filter(|text| !text.contains('\0')) else {
            let what = "output that is not known before the build, or no text,";
            return Err(RunError::not_evaluated(what, range.clone()));
        };
        self.parameters.spend(text.len(), range)?;
        Ok(text.trim_end_matches('\n').to_owned())
    }

    /// Runs something and returns what it writes to its standard output.
    pub(super) fn capture(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<(), RunError>,
    ) -> Result<Content, RunError> {
        let outer = self.process.output.replace(Content::default());
        let outer_path = self.process.output_path.take();
        run(self)?;
        self.process.output_path = outer_path;
        let output = std::mem::replace(&mut self.process.output, outer);
        Ok(output.unwrap_or_default())
    }
}

/// Runs one command that is no builtin of the shell.
pub(super) fn run_words(
    process: &mut Process<'_>,
    words: &[String],
    range: Range<usize>,
) -> Result<CommandStatus, RunError> {
    // A command without words, as `$unset` is one, does nothing.
    let [name, arguments @ ..] = words else { return Ok(CommandStatus::Success) };
    let Some(command) = commands::find_command(name) else {
        return Err(unknown_command_error(name, range));
    };
    command(process, arguments).map_err(|refusal| {
        let message = format!("RUN is evaluated, not executed; {}", refusal.message);
        let help = if refusal.help.is_empty() { instead() } else { refusal.help };
        RunError::new(message, range).help(help)
    })
}

/// Returns the error for a command that is not evaluated.
pub(super) fn unknown_command_error(name: &str, range: Range<usize>) -> RunError {
    let name = name.escape_debug();
    let message = format!(
        "RUN is evaluated, not executed; `{name}` is not among the commands that are evaluated"
    );
    RunError::new(message, range).help(instead())
}

/// Returns the error of a command that failed with a message.
pub(super) fn failure_error(words: &[String], said: &str, range: Range<usize>) -> RunError {
    let name = words.first().map_or("", String::as_str).escape_debug();
    let message = match said {
        "" => format!("`{name}` fails"),
        said => format!("`{name}` fails: {said}"),
    };
    RunError::new(message, range)
}

//! A *shell* runs the commands of a script one after the other.

use std::ops::Range;

use super::error::{COMMANDS, RunError, instead};
use super::expand::{ShellParameters, UnsetPolicy};
use super::process::Process;
use super::settings::ShellSettings;
use super::status::CommandStatus;
use super::syntax::{CommandList, ListOperator, Script, ShellCommand};
use super::word::{Quoting, ShellWord, WordPart, variable_name};
use super::{commands, glob, pattern};

/// A shell that runs a script.
pub(super) struct Shell<'a> {
    process: Process<'a>,
    parameters: ShellParameters<'a>,
    settings: ShellSettings,
    /// Error of the last command, if it failed.
    failure: Option<RunError>,
}

/// Whether a script goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Continue,
    Exit,
}

impl<'a> Shell<'a> {
    pub(super) fn new(
        process: Process<'a>,
        parameters: ShellParameters<'a>,
        settings: ShellSettings,
    ) -> Self {
        Self { process, parameters, settings, failure: None }
    }

    /// Runs a script; the error is that of the last command if it fails.
    pub(super) fn run_script(mut self, Script(lists): &Script) -> Result<(), RunError> {
        for list in lists {
            if self.run_list(list)? == Flow::Exit {
                break;
            }
        }
        self.failure.map_or(Ok(()), Err)
    }

    fn run_list(&mut self, CommandList(commands): &CommandList) -> Result<Flow, RunError> {
        for (at, (join, command)) in commands.iter().enumerate() {
            let is_due = match join {
                ListOperator::First => true,
                ListOperator::And => self.failure.is_none(),
                ListOperator::Or => self.failure.is_some(),
            };
            if !is_due {
                continue;
            }
            self.failure = self.run_command(command)?;
            // The status of a command before `&&` or `||` is tested, so it does not end the script.
            let is_last = at + 1 == commands.len();
            if is_last && self.failure.is_some() && self.settings.errexit {
                return Ok(Flow::Exit);
            }
        }
        Ok(Flow::Continue)
    }

    /// Runs a command; returns its error if it fails.
    fn run_command(&mut self, command: &ShellCommand) -> Result<Option<RunError>, RunError> {
        if let Some((name, _)) = parse_assignment(&command.words[0]) {
            if let Some(word) = command.words.iter().find(|word| parse_assignment(word).is_none()) {
                let what = format!("a value for `{name}` in front of a command");
                return Err(RunError::not_evaluated(&what, word.range.clone())
                    .help("assign it in a command of its own: `NAME=value; …`"));
            }
            return self.assign(&command.words).map(|()| None);
        }
        let mut words = Vec::new();
        for word in &command.words {
            for field in self.parameters.expand_fields(word, self.unset_policy())? {
                let field = if self.settings.noglob { pattern::quote_all(&field) } else { field };
                words.extend(glob::expand_field(
                    &self.process,
                    &self.parameters,
                    &field,
                    &word.range,
                )?);
            }
        }
        if words.first().is_some_and(|name| name == "set") {
            self.settings.apply(&words[1..]).map_err(|unknown| {
                RunError::not_evaluated(&format!("`set {}`", unknown.0), command.range.clone())
            })?;
            return Ok(None);
        }
        match run_words(&mut self.process, &words, command.range.clone())? {
            CommandStatus::Success => Ok(None),
            CommandStatus::Failure(said) => {
                Ok(Some(failure_error(&words, &said, command.range.clone())))
            }
        }
    }

    fn assign(&mut self, words: &[ShellWord]) -> Result<(), RunError> {
        for word in words {
            let Some((name, parts)) = parse_assignment(word) else { continue };
            let is_pattern = |part: &WordPart| match part {
                WordPart::Text(text, Quoting::Unquoted) => text.contains(['*', '?', '[']),
                _ => false,
            };
            if parts.iter().any(is_pattern) {
                let problem = RunError::not_evaluated("a pattern in a value", word.range.clone());
                return Err(problem.help("quote the value"));
            }
            let value = self.parameters.expand_text(&parts, self.unset_policy())?;
            self.parameters.assign(name, value, word.range.clone())?;
        }
        Ok(())
    }

    fn unset_policy(&self) -> UnsetPolicy {
        if self.settings.nounset { UnsetPolicy::Error } else { UnsetPolicy::Empty }
    }
}

/// Returns the name and the value of a word like `name=value`.
fn parse_assignment(word: &ShellWord) -> Option<(&str, Vec<WordPart>)> {
    let Some(WordPart::Text(first, Quoting::Unquoted)) = word.parts.first() else { return None };
    let name = variable_name(first);
    let value = first[name.len()..].strip_prefix('=').filter(|_| !name.is_empty())?;
    let mut parts = word.parts.clone();
    parts[0] = WordPart::Text(value.to_owned(), Quoting::Unquoted);
    Some((name, parts))
}

/// Runs one command.
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
        RunError::new(message, range).help(instead())
    })
}

fn unknown_command_error(name: &str, range: Range<usize>) -> RunError {
    let known = COMMANDS.join(", ");
    let name = name.escape_debug();
    let message = format!("RUN is evaluated, not executed; `{name}` is not among {known}");
    RunError::new(message, range).help(instead())
}

/// Refuses the first command that is not evaluated, among those that are run whatever files there
/// are: the first of each list, and in the last list those after `&&` too, without which the line
/// fails.
pub(super) fn check_script(Script(lists): &Script) -> Result<(), RunError> {
    for (number, CommandList(commands)) in lists.iter().enumerate() {
        let is_last = number + 1 == lists.len();
        let is_run = |(join, _): &&(ListOperator, ShellCommand)| match join {
            ListOperator::First => true,
            ListOperator::And => is_last,
            ListOperator::Or => false,
        };
        for (_, command) in commands.iter().take_while(is_run) {
            check_words(command)?;
        }
    }
    Ok(())
}

fn check_words(command: &ShellCommand) -> Result<(), RunError> {
    let first = &command.words[0];
    let text = |part: &WordPart| match part {
        WordPart::Text(text, _) => Some(text.clone()),
        WordPart::Parameter(_) => None,
    };
    let Some(name) = first.parts.iter().map(text).collect::<Option<String>>() else {
        return Ok(());
    };
    let is_known = name == "set" || name.contains(['*', '?', '[']) || name.is_empty();
    if is_known || parse_assignment(first).is_some() || commands::find_command(&name).is_some() {
        return Ok(());
    }
    Err(unknown_command_error(&name, command.range.clone()))
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

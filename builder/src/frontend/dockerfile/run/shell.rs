//! A *shell* runs the commands of a script one after the other.

use std::ops::Range;

use super::error::{COMMANDS, RunError, instead};
use super::expand::{Parameters, Unset};
use super::process::Process;
use super::settings::Settings;
use super::status::Status;
use super::syntax::{Command, Join, List, Script};
use super::word::{Part, Quoting, Word, name_of};
use super::{commands, glob, pattern};

/// A shell at work.
pub(super) struct Shell<'a> {
    process: Process<'a>,
    parameters: Parameters<'a>,
    settings: Settings,
    /// The last command's, if it failed.
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
        parameters: Parameters<'a>,
        settings: Settings,
    ) -> Self {
        Self { process, parameters, settings, failure: None }
    }

    /// Runs a script; the error is that of the last command if it fails.
    pub(super) fn script(mut self, Script(lists): &Script) -> Result<(), RunError> {
        for list in lists {
            if self.list(list)? == Flow::Exit {
                break;
            }
        }
        self.failure.map_or(Ok(()), Err)
    }

    fn list(&mut self, List(commands): &List) -> Result<Flow, RunError> {
        for (at, (join, command)) in commands.iter().enumerate() {
            let is_due = match join {
                Join::First => true,
                Join::And => self.failure.is_none(),
                Join::Or => self.failure.is_some(),
            };
            if !is_due {
                continue;
            }
            self.failure = self.command(command)?;
            // What is followed by `&&` or `||` was asked for its status.
            let is_last = at + 1 == commands.len();
            if is_last && self.failure.is_some() && self.settings.errexit {
                return Ok(Flow::Exit);
            }
        }
        Ok(Flow::Continue)
    }

    /// Returns the error of a command that fails.
    fn command(&mut self, command: &Command) -> Result<Option<RunError>, RunError> {
        if let Some((name, _)) = assignment(&command.words[0]) {
            if let Some(word) = command.words.iter().find(|word| assignment(word).is_none()) {
                let what = format!("a value for `{name}` in front of a command");
                return Err(RunError::not_evaluated(&what, word.range.clone())
                    .help("assign it in a command of its own: `NAME=value; …`"));
            }
            return self.assign(&command.words).map(|()| None);
        }
        let mut words = Vec::new();
        for word in &command.words {
            for field in self.parameters.fields(word, self.unset())? {
                let field = if self.settings.noglob { pattern::quote(&field) } else { field };
                words.extend(glob::expand(&self.process, &self.parameters, &field, &word.range)?);
            }
        }
        if words.first().is_some_and(|name| name == "set") {
            self.settings.apply(&words[1..]).map_err(|unknown| {
                RunError::not_evaluated(&format!("`set {}`", unknown.0), command.range.clone())
            })?;
            return Ok(None);
        }
        match run(&mut self.process, &words, command.range.clone())? {
            Status::Success => Ok(None),
            Status::Failure(said) => Ok(Some(failed(&words, &said, command.range.clone()))),
        }
    }

    fn assign(&mut self, words: &[Word]) -> Result<(), RunError> {
        for word in words {
            let Some((name, parts)) = assignment(word) else { continue };
            let is_pattern = |part: &Part| match part {
                Part::Text(text, Quoting::Unquoted) => text.contains(['*', '?', '[']),
                _ => false,
            };
            if parts.iter().any(is_pattern) {
                let problem = RunError::not_evaluated("a pattern in a value", word.range.clone());
                return Err(problem.help("quote the value"));
            }
            let value = self.parameters.text(&parts, self.unset())?;
            self.parameters.assign(name, value, word.range.clone())?;
        }
        Ok(())
    }

    fn unset(&self) -> Unset {
        if self.settings.nounset { Unset::Error } else { Unset::Empty }
    }
}

/// Returns the name and the value of a word like `name=value`.
fn assignment(word: &Word) -> Option<(&str, Vec<Part>)> {
    let Some(Part::Text(first, Quoting::Unquoted)) = word.parts.first() else { return None };
    let name = name_of(first);
    let value = first[name.len()..].strip_prefix('=').filter(|_| !name.is_empty())?;
    let mut parts = word.parts.clone();
    parts[0] = Part::Text(value.to_owned(), Quoting::Unquoted);
    Some((name, parts))
}

/// Runs one command.
pub(super) fn run(
    process: &mut Process<'_>,
    words: &[String],
    range: Range<usize>,
) -> Result<Status, RunError> {
    // A command of nothing, as `$unset` is one, does nothing.
    let [name, arguments @ ..] = words else { return Ok(Status::Success) };
    let Some(command) = commands::find(name) else {
        let known = COMMANDS.join(", ");
        let message = format!(
            "RUN is evaluated, not executed; `{}` is not among {known}",
            name.escape_debug()
        );
        return Err(RunError::new(message, range).help(instead()));
    };
    command(process, arguments).map_err(|refusal| {
        let message = format!("RUN is evaluated, not executed; {}", refusal.message);
        RunError::new(message, range).help(instead())
    })
}

/// Returns the error of a command that failed and said something.
pub(super) fn failed(words: &[String], said: &str, range: Range<usize>) -> RunError {
    let name = words.first().map_or("", String::as_str).escape_debug();
    let message = match said {
        "" => format!("`{name}` fails"),
        said => format!("`{name}` fails: {said}"),
    };
    RunError::new(message, range)
}

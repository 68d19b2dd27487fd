//! A *status* is how a command ended, with its message.

use super::fault::ProcessFault;

/// How a command ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum CommandStatus {
    #[default]
    Success,
    /// It failed, with this first message.
    Failure(String),
}

/// Why a command is not evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CommandRefusal {
    pub(super) message: String,
    /// What to do; empty for the general advice.
    pub(super) help: String,
}

impl CommandRefusal {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: String::new() }
    }

    pub(super) fn help(self, help: impl Into<String>) -> Self {
        Self { help: help.into(), ..self }
    }
}

impl CommandStatus {
    pub(super) fn fail(&mut self, message: impl Into<String>) {
        if *self == Self::Success {
            *self = Self::Failure(message.into());
        }
    }

    /// Records the result for one operand; `what` describes what was attempted.
    pub(super) fn record<T>(
        &mut self,
        result: Result<T, ProcessFault>,
        what: impl FnOnce() -> String,
    ) -> Result<Option<T>, CommandRefusal> {
        match result {
            Ok(value) => return Ok(Some(value)),
            Err(ProcessFault::Errno(errno)) => self.fail(format!("{}: {errno}", what())),
            Err(ProcessFault::Refused(message)) => return Err(CommandRefusal::new(message)),
        }
        Ok(None)
    }
}

/// Returns a name in quotes, as in messages.
pub(super) fn quoted(name: &str) -> String {
    format!("'{}'", name.escape_debug())
}

/// Returns a name without characters that could move a cursor.
pub(super) fn escaped(name: &str) -> String {
    name.escape_debug().to_string()
}

/// Returns the failure of a command with too few operands.
pub(super) fn missing_operand(operands: &[String]) -> CommandStatus {
    CommandStatus::Failure(match operands.last() {
        None => "missing operand".into(),
        Some(last) => format!("missing operand after {}", quoted(last)),
    })
}

//! A *status* is how a command ended, with what it said.

use super::fault::Fault;

/// How a command ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Status {
    #[default]
    Success,
    /// It failed, and this is the first thing it says.
    Failure(String),
}

/// Why a command is not evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl Status {
    pub(super) fn fail(&mut self, message: impl Into<String>) {
        if *self == Self::Success {
            *self = Self::Failure(message.into());
        }
    }

    /// Takes what came of one operand: `what` says what was attempted.
    pub(super) fn take<T>(
        &mut self,
        result: Result<T, Fault>,
        what: impl FnOnce() -> String,
    ) -> Result<Option<T>, Refusal> {
        match result {
            Ok(value) => return Ok(Some(value)),
            Err(Fault::Errno(errno)) => self.fail(format!("{}: {errno}", what())),
            Err(Fault::Refused(error)) => return Err(Refusal::new(error.to_string())),
        }
        Ok(None)
    }
}

/// Returns a name in quotes, as in messages.
pub(super) fn quoted(name: &str) -> String {
    format!("'{}'", name.escape_debug())
}

/// Returns the failure of a command that was not told what to do.
pub(super) fn missing_operand(operands: &[String]) -> Status {
    Status::Failure(match operands.last() {
        None => "missing operand".into(),
        Some(last) => format!("missing operand after {}", quoted(last)),
    })
}

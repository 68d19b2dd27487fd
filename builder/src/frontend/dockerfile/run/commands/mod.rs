//! A *command* does what the program of the same name in GNU coreutils does, on a tree.

mod chmod;
mod chown;
mod ln;
mod mkdir;
mod rm;
mod touch;
mod walk;

use super::fault::Fault;
use super::process::Process;

/// The commands that there are.
pub(super) const NAMES: [&str; 9] =
    ["mkdir", "ln", "chmod", "chown", "touch", "rm", "rmdir", "true", "false"];

/// What a command does: its arguments, without its name.
type Run = fn(&mut Process<'_>, &[String]) -> Result<Status, Refusal>;

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
    fn fail(&mut self, message: impl Into<String>) {
        if *self == Self::Success {
            *self = Self::Failure(message.into());
        }
    }

    /// Takes what came of one operand: `what` says what was attempted.
    fn take<T>(
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

/// Finds a command by its name, or by the path of its program.
pub(super) fn find(name: &str) -> Option<Run> {
    let program = ["/bin/", "/usr/bin/"].iter().find_map(|dir| name.strip_prefix(dir));
    Some(match program.unwrap_or(name) {
        "mkdir" => mkdir::mkdir,
        "ln" => ln::ln,
        "chmod" => chmod::chmod,
        "chown" => chown::chown,
        "touch" => touch::touch,
        "rm" => rm::rm,
        "rmdir" => rm::rmdir,
        "true" => |_, _| Ok(Status::Success),
        "false" => |_, _| Ok(Status::Failure(String::new())),
        ":" if program.is_none() => |_, _| Ok(Status::Success),
        _ => return None,
    })
}

/// Returns a name in quotes, as in messages.
fn quoted(name: &str) -> String {
    format!("'{}'", name.escape_debug())
}

/// Returns the failure of a command that was not told what to do.
fn missing_operand(operands: &[String]) -> Status {
    Status::Failure(match operands.last() {
        None => "missing operand".into(),
        Some(last) => format!("missing operand after {}", quoted(last)),
    })
}

//! Errors of reading an instruction.

use crate::frontend::dockerfile::syntax::{DockerfileWord, InstructionArguments};
use crate::recipe::diagnostic::Diagnostic;

/// Why an instruction cannot be read.
pub(super) enum InstructionError {
    /// A problem that was not reported yet.
    Unreported(Box<Diagnostic>),
    /// Problems that were reported already.
    Reported,
}

/// Returns an error at a word.
pub(super) fn error_at(
    at: &DockerfileWord,
    message: impl Into<String>,
    help: &str,
) -> InstructionError {
    InstructionError::Unreported(Box::new(Diagnostic::new(message).at(at.span.clone()).help(help)))
}

/// Returns the words after a keyword; fails if there are none.
pub(super) fn require_words(
    at: &DockerfileWord,
    arguments: InstructionArguments,
) -> Result<Vec<DockerfileWord>, InstructionError> {
    match arguments {
        InstructionArguments::Words(words) | InstructionArguments::Json(words)
            if !words.is_empty() =>
        {
            Ok(words)
        }
        _ => Err(missing_argument(at)),
    }
}

/// Returns the error for a keyword without arguments.
pub(super) fn missing_argument(at: &DockerfileWord) -> InstructionError {
    let message = format!("{} requires at least one argument", at.text.to_ascii_uppercase());
    error_at(at, message, "write it behind the keyword")
}

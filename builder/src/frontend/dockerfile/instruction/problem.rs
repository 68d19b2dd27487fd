//! What is *wrong* with an instruction as it is written, so that there is none.

use crate::frontend::dockerfile::syntax::{Arguments, Word};
use crate::recipe::diagnostic::Diagnostic;

/// Why there is no instruction.
pub(super) enum Wrong {
    /// This.
    New(Box<Diagnostic>),
    /// It was reported already.
    Reported,
}

/// Returns what is wrong at a word.
pub(super) fn wrong(at: &Word, message: impl Into<String>, help: &str) -> Wrong {
    Wrong::New(Box::new(Diagnostic::new(message).at(at.span.clone()).help(help)))
}

/// Returns the words behind a keyword, which has to have one.
pub(super) fn words(at: &Word, arguments: Arguments) -> Result<Vec<Word>, Wrong> {
    match arguments {
        Arguments::Words(words) | Arguments::Json(words) if !words.is_empty() => Ok(words),
        _ => Err(too_few(at)),
    }
}

/// Returns that nothing stands behind a keyword.
pub(super) fn too_few(at: &Word) -> Wrong {
    let message = format!("{} requires at least one argument", at.text.to_ascii_uppercase());
    wrong(at, message, "write it behind the keyword")
}

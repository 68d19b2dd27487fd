//! Why a RUN line is not evaluated, or what went wrong when it was.

use std::ops::Range;

/// A problem of a RUN line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunError {
    /// What is wrong, in one line.
    pub message: String,
    /// Byte range in the shell's text; empty for the exec form.
    pub range: Range<usize>,
    /// Help line; may be empty.
    pub help: String,
}

impl RunError {
    pub(super) fn new(message: impl Into<String>, range: Range<usize>) -> Self {
        Self { message: message.into(), range, help: String::new() }
    }

    /// Returns the error for a construct that is not evaluated.
    pub(super) fn not_evaluated(what: &str, range: Range<usize>) -> Self {
        let message = format!("RUN is evaluated, not executed; {what} is not understood");
        Self { help: instead(), ..Self::new(message, range) }
    }

    /// Returns the error with a range that starts earlier.
    pub(super) fn starting_at(mut self, start: usize) -> Self {
        self.range.start = start;
        self
    }

    /// Returns the error of a text that starts at a position of another.
    pub(super) fn shifted(mut self, by: usize) -> Self {
        self.range = self.range.start + by..self.range.end + by;
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }
}

impl std::fmt::Display for RunError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RunError {}

/// Returns what can be done without executing anything.
pub(super) fn instead() -> String {
    "commands that change files, download, unpack or convert are evaluated, see \
     docs/dockerfile.md; for anything else COPY its result, or take a base image in which it was done"
        .to_owned()
}

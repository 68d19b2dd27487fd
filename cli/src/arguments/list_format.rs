//! Output formats of commands that print lists.

use clap::ValueEnum;

/// A value of `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// A line for each, for people
    Text,
    /// An array with an object for each
    Json,
}

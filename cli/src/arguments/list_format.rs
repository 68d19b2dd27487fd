//! How lists are written.

use clap::ValueEnum;

/// What can be given to `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// A line for each, for people
    Text,
    /// An array with an object for each
    Json,
}

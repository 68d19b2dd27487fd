//! Output formats of commands that print lists.

use clap::ValueEnum;

/// A value of `--output-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// One line per item
    Text,
    /// JSON array with one object per item
    Json,
}

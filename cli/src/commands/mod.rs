//! The commands, a file each: its arguments, whose doc comments are the help, and what it does.

pub(crate) mod build;
pub(crate) mod completions;
pub(crate) mod man;
pub(crate) mod schema;

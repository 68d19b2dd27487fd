//! The *outcome* of an evaluation: a value, or the first thing that is wrong.

use crate::frontend::dockerfile::tree::TreeError;
use crate::recipe::diagnostic::{Diagnostic, Span};

/// A value, or the first thing that is wrong.
pub(super) type Outcome<T> = Result<T, Box<Diagnostic>>;

/// Tells what is wrong with a path in a stage.
pub(super) fn wrong_tree(error: &TreeError, at: &Span) -> Diagnostic {
    Diagnostic::new(error.to_string()).at(at.clone())
}

//! The *result* of an evaluation: a value, or the first problem.

use crate::frontend::dockerfile::tree::TreeError;
use crate::recipe::diagnostic::{Diagnostic, Span};

/// A value, or the first problem.
pub(super) type EvaluationResult<T> = Result<T, Box<Diagnostic>>;

/// Returns the diagnostic for a path in a stage.
pub(super) fn tree_diagnostic(error: &TreeError, at: &Span) -> Diagnostic {
    Diagnostic::new(error.to_string()).at(at.clone())
}

//! A *Dockerfile* is the other way to describe an image: it is parsed into stages, these are
//! evaluated without executing anything, and the result is lowered to a recipe. Reference:
//! moby/buildkit `frontend/dockerfile`.

pub mod base;
pub mod context;
mod downloads;
mod expand;
mod instruction;
mod lint;
mod lower;
pub mod pattern;
pub mod run;
mod scope;
mod stages;
mod syntax;
pub mod tree;

use std::sync::Arc;

pub use self::downloads::lock_downloads;
pub use self::expand::{expand_body, expand_text};
pub use self::lint::{LINT_RULES, LintReport, LintRule};
pub use self::lower::{
    BuildContexts, DockerfileRequest, NamedImage, context_name, lint_text, lower,
};
pub(crate) use self::stages::Dockerfile;
use crate::recipe::diagnostic::{Diagnostic, SourceText};

/// Parses a Dockerfile.
///
/// The error has all problems of the text, in its order.
pub fn parse(source: &Arc<SourceText>) -> Result<Dockerfile, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let syntax = syntax::parse(source, &mut problems);
    let dockerfile = Dockerfile::new(source, syntax, &mut problems);
    if problems.is_empty() {
        return Ok(dockerfile);
    }
    problems.sort_by_key(|problem| problem.span.as_ref().map(|span| span.range.start));
    Err(problems)
}

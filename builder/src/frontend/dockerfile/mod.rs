//! A *Dockerfile* is the other way to say what becomes an image: it is read into stages, these are
//! evaluated without executing anything, and what they come to is lowered to a recipe.
//! Reference: moby/buildkit `frontend/dockerfile`.

pub mod base;
pub mod context;
#[cfg_attr(not(test), expect(dead_code, reason = "the evaluator comes next"))]
mod expand;
mod instruction;
mod lower;
pub mod pattern;
pub mod run;
mod scope;
mod stages;
mod syntax;
pub mod tree;

use std::sync::Arc;

pub use self::expand::{expand, expand_body};
pub use self::lower::{BuildContexts, DockerfileRequest, lower};
pub(crate) use self::stages::Dockerfile;
use crate::recipe::diagnostic::{Diagnostic, SourceText};

/// Reads a Dockerfile.
///
/// The error holds everything that is wrong with the text, in its order.
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

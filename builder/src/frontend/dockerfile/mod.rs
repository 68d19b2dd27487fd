//! The *Dockerfile*, as BuildKit reads it.

mod expand;
pub mod run;
#[cfg_attr(not(test), expect(dead_code, reason = "the evaluator comes next"))]
mod scope;

pub use expand::{ExpandError, expand, expand_body};

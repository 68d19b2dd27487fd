//! The *Dockerfile*, as `BuildKit` reads it.

#[cfg_attr(not(test), expect(dead_code, reason = "the evaluator comes next"))]
mod expand;

pub use expand::ExpandError;

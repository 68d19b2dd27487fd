//! The *Dockerfile* frontend.

pub mod run;

//! Dockerfiles and base images.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, opens files and asks the clock"
)]

mod bases_config;
mod bases_forms;
mod bases_lock;
mod bases_missing;
mod bases_registry;
mod cases;
mod check;
mod contexts;
mod docker_format;
mod errors;
mod escapes;
mod options;
mod outputs;
mod random_copies;
mod run;
mod sources;
mod vddk;
mod xattrs;

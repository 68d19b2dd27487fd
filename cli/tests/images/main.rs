//! Images: how they are read, compared, judged, and used by other programs.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, opens files and asks the clock"
)]

mod archives;
mod cache;
mod chunked;
mod cluster;
mod diff;
mod disk_artifact;
mod engines;
mod existing;
mod extract;
mod garbage;
mod hostile_artifacts;
mod index;
mod inspect;
mod interop;
mod layout;
mod machines;
mod manifests;
mod outputs;
mod platforms;
mod promote;
mod reproducible;
mod verify;
mod vm;

//! Disks: what is taken, how it is converted, and what a virtual machine makes of it.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, opens files and asks the clock"
)]

mod boot;
mod chain;
mod convert;
mod discard;
mod huge;
mod images;
mod large;
mod named;
mod ova;
mod packed;
mod refused;
mod remedies;
mod sbom;
mod sbom_changes;
mod sbom_rpm;
mod secrets;
mod seeds;
mod size;
mod split;
mod spool;

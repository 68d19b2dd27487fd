//! *qcow2*, QEMU's format: a header, then tables that say where in the file the clusters of the
//! virtual disk lie.
//!
//! The rules are those of QEMU's `docs/interop/qcow2.rst`, and where that leaves room, of what
//! `qcow2_do_open` in `block/qcow2.c` refuses (10.0).

mod allocation;
mod check;
mod extensions;
mod header;
pub(super) mod map;
#[cfg(test)]
mod tests;

pub(super) use check::examine;
pub(super) use header::MAGIC;
pub use header::{Backing, Compression, Crypt, Header, Table};

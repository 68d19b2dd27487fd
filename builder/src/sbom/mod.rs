//! The *software* of a guest: its operating system and the packages that are installed in it, read from the
//! disk without mounting it and without root, and the documents that list them (software bills of
//! materials).
//!
//! - [`guest`]: finds the system on a disk, and reads it
//! - [`inventory`]: what was found
//! - [`changes`]: the packages of two guests compared
//! - `system`: the directory that is the root of a system
//! - `os_release`: the name of the operating system; `elf`: the architecture
//! - `database`: the databases of package managers
//! - [`purl`]: the names of packages that tools agree on; `license`: names of licenses
//! - [`document`]: SPDX and CycloneDX
//! - `fuzzing`: opens the inside for the fuzz targets
//! - [`error`]: why a guest cannot be read

pub mod changes;
mod database;
pub mod document;
mod elf;
pub mod error;
pub(crate) mod fuzzing;
pub mod guest;
pub mod inventory;
mod license;
mod os_release;
pub mod purl;
mod system;

//! Turns virtual-machine disks into OCI images in one pass over the bytes.

pub mod contract;
pub mod diagnostic;
pub mod frontend;
pub mod image;
pub mod recipe;

//! Turns virtual-machine disks into OCI images in one pass over the bytes.

pub mod diagnostic;
pub mod image;
pub mod layer;
pub mod recipe;
pub mod source;

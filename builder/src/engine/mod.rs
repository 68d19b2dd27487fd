//! The *engine* makes images of recipes, each source byte read once, each compressed byte written once.
//!
//! - [`source`]: where the bytes of a file come from, checked
//! - [`layer`]: entries and their contents as one compressed tar
//! - [`cache`]: which layer a recipe came to before
//! - [`assemble`]: layers, documents and names of a whole build

pub mod assemble;
pub mod cache;
pub mod layer;
pub mod source;

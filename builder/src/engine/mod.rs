//! The *engine* builds images from recipes. It reads each source byte once and writes each
//! compressed byte once.
//!
//! - [`source`]: where the content of a file comes from, and how it is checked
//! - [`layer`]: one compressed tar of entries and their contents
//! - [`cache`]: which layer a recipe produced before
//! - `layer_key`: what determines the bytes of a layer
//! - `recent_layers`: the layers that were written last, from whatever input
//! - `stored_layer`: a layer as caches store it
//! - `cache_key`: authenticates the entries of caches
//! - [`assemble`]: the layers, documents and names of a build

pub mod assemble;
pub mod cache;
pub mod cache_key;
pub mod layer;
mod layer_key;
mod recent_layers;
pub mod source;
mod stored_layer;

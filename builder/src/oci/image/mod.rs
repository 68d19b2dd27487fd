//! The parts of an OCI image as data: platforms, digests, times, and documents. Nothing here does
//! I/O. Documents are written as canonical JSON, so that equal images are equal bytes.

pub(crate) mod config;
pub(crate) mod descriptor;
pub mod digest;
pub(crate) mod documents;
pub mod format;
pub(crate) mod index;
pub mod json;
pub mod layer;
pub mod location;
pub(crate) mod manifest;
pub mod nearest;
pub mod platform;
pub mod ref_name;
pub mod reference;
pub(crate) mod referrer;
pub(crate) mod referrers_index;
pub mod subject;
pub mod tag;
#[cfg(test)]
mod test_documents;
pub mod time;
pub(crate) mod whiteout;

//! What an OCI image is made of, as data: platforms, names, configs, manifests, indexes. Nothing
//! here does I/O; everything that becomes JSON does so canonically, so that equal images are equal
//! bytes.

pub mod digest;
pub mod platform;

//! *Attestations* say something of an image, and who says it: how it was built, or what is in it. Each is an in-toto
//! statement ([`signature::statement`](crate::signature::statement)), which a key can sign.
//!
//! - [`resource`]: what a statement is about, and what an image was built from
//! - [`provenance`]: what is said of a build
//! - [`packages`]: what is said of the packages in a disk
//! - `manifest`: the manifests that hold attestations
//! - [`attach`]: writes the attestations of an image
//! - [`find`]: reads the attestations of an image, and checks their signatures

pub mod attach;
pub mod find;
pub(crate) mod manifest;
pub mod packages;
pub mod provenance;
pub mod resource;

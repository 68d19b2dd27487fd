//! *Attestations* say something of an image, and who says it: how it was built, or what is in it. Each is an in-toto
//! statement (<https://github.com/in-toto/attestation/tree/main/spec/v1>), which a key can sign.
//!
//! - [`resource`]: what a statement is about, and what an image was built from
//! - [`statement`]: the text of an attestation
//! - [`provenance`]: what is said of a build
//! - `envelope`: a statement with its signatures
//! - `manifest`: the manifests that hold attestations
//! - [`attach`]: writes the attestations of an image
//! - [`find`]: reads the attestations of an image, and checks their signatures

pub mod attach;
pub(crate) mod envelope;
pub mod find;
pub(crate) mod manifest;
pub mod provenance;
pub mod resource;
pub mod statement;
#[cfg(test)]
mod tests;

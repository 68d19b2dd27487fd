//! *Signatures* of images as cosign keeps them: a manifest with the tag `sha256-HEX.sig` in the repository of the image,
//! in which each layer is a payload and has its signature as an annotation
//! (<https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md>).
//!
//! - [`key`]: keys that sign, and keys that check
//! - `payload`: the text that is signed
//! - `manifest`: the manifest that holds the signatures of an image
//! - [`statement`]: the text of an attestation, or of a signature in a bundle
//! - `envelope`: a statement with its signatures
//! - `bundle`: an envelope that is a referrer of the image
//! - `attached`: reads the signatures of an image, within limits
//! - [`sign`]: signs an image and the images of its platforms
//! - [`signing_sink`]: signs images where they are written
//! - [`check`]: checks the signatures of an image
//! - [`identity`]: the names that a signature can be for
//! - [`policy`]: what a `policy.json` requires of an image
//! - [`error`]: why an image is not signed, or not accepted

pub(crate) mod attached;
pub(crate) mod bundle;
pub mod check;
pub(crate) mod envelope;
pub mod error;
pub mod identity;
pub mod key;
pub(crate) mod manifest;
pub(crate) mod payload;
pub mod policy;
pub mod sign;
pub mod signing_sink;
pub mod statement;
#[cfg(test)]
mod tests;

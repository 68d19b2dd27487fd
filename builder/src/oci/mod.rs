//! *OCI images*: their documents as data, the places on disk where they lie, and how they get from
//! one place to another.
//!
//! - [`image`]: digests, platforms, references and documents as data
//! - [`tar`]: reads the entries of a tar
//! - [`images`]: images that can be read, wherever they lie
//! - [`sink`]: where finished images are written to
//! - [`error`]: why an image could not be read or written
//! - [`progress`]: what is reported meanwhile, and how work is cancelled
//! - [`image_documents`]: what the documents of a finished image say
//! - [`walk`]: reads the documents of an image, each once, within one budget
//! - `hashing`: readers that count, hash and check what is read
//! - `parallel`: the same work on many items at a time
//! - [`layer_tar`]: the tar in a finished layer, checked against its digest
//! - [`store`]: OCI image layouts, as directories and as archives
//! - [`tee`]: two sinks at once
//! - [`copy`]: an image moved to a sink, byte for byte
//! - [`join`]: one index of images that were made apart

pub mod copy;
pub mod error;
pub(crate) mod hashing;
pub mod image;
pub mod image_documents;
pub mod images;
pub mod join;
pub(crate) mod layer_tar;
pub(crate) mod parallel;
pub mod progress;
pub mod sink;
pub mod store;
pub mod tar;
pub mod tee;
pub(crate) mod transfer;
pub mod walk;

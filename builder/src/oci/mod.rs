//! *OCI images*: their documents as data, how they are stored on disk, and how they are copied from
//! one location to another.
//!
//! - [`image`]: digests, platforms, references and documents as data
//! - [`tar`]: reads the entries of a tar
//! - [`images`]: images that can be read, wherever they are stored
//! - [`sink`]: where finished images are written to
//! - [`error`]: errors of reading and writing images
//! - [`progress`]: what is reported while work is done, and how it is cancelled
//! - [`image_documents`]: the documents of a finished image, parsed
//! - [`walk`]: reads the documents of an image, each once, within one budget
//! - [`referrers`]: what refers to an image
//! - `hashing`: readers that count, hash and check what is read
//! - `parallel`: the same work on many items at a time
//! - `layer_hash`: the hashes of a layer's blob and tar, computed together
//! - `read_ahead`: reads a stream on another thread
//! - [`layer_tar`]: the tar in a finished layer, checked against its digest
//! - [`new_file`]: files that appear when they are complete
//! - `writeback`: syncs a file while more of it is written
//! - [`store`]: OCI image layouts, as directories and as archives
//! - `transfer`: copies blobs to a sink, several at a time
//! - [`rename`]: a sink that gives its image another name
//! - [`retention`]: which images are kept, and a plan to remove the others
//! - `toc`: the table of contents of a layer in zstd:chunked
//! - [`tee`]: two sinks at once
//! - [`copy`]: copies an image to a sink, byte for byte
//! - [`join`]: one index of images that were built separately

pub mod attachments;
pub mod copy;
mod copy_error;
pub mod error;
pub(crate) mod hashing;
pub mod image;
pub mod image_documents;
pub mod images;
pub mod join;
pub(crate) mod layer_hash;
pub(crate) mod layer_tar;
pub mod new_file;
pub(crate) mod parallel;
pub mod progress;
pub(crate) mod read_ahead;
pub mod referrers;
pub mod rename;
pub mod retention;
pub(crate) mod reuse;
pub mod sink;
pub mod store;
pub mod tar;
pub mod tee;
pub(crate) mod toc;
pub(crate) mod transfer;
pub mod walk;
pub(crate) mod writeback;

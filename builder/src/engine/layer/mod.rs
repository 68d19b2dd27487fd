//! A *layer* is one compressed tar of an image, or one content of an artifact. This module turns a
//! recipe's entries and their contents into a layer's blob, reading each source byte once and writing each compressed byte
//! once:
//!
//! ```text
//! read ─► plan ─► [compress × N] ─► in order ─┬─► blob
//!                                            └─► sha256 of both: diff_id, digest
//! ```
//!
//! The blob's bytes depend on the entries, the contents, the compression and the format version,
//! and on nothing else.

mod blocks;
mod buffers;
mod chunked;
pub mod compression;
mod contents;
mod digests;
mod encode;
mod gzip;
mod known_blob;
mod known_frames;
mod metadata;
mod output;
mod pipeline;
mod plan;
mod runs;
mod tar;
mod tar_split;
mod toc;
mod zstd;

#[cfg(test)]
mod tests;

pub(crate) use known_frames::{KnownBlobs, KnownFrames};
pub use pipeline::LayerWorkers;
pub(crate) use pipeline::{LayerError, LayerInput, write_layer};
pub(crate) use plan::{LayerPiece, LayerPlan};

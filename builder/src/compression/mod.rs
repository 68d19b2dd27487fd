//! The *compression formats* of files and layers: recognizing them by the first bytes or the name
//! of a file, and decompressing a stream. Compressing is done elsewhere: layers by the engine,
//! clusters of disks by their conversion.
//!
//! - [`CompressionFormat`]: gzip, xz, zstd, bzip2
//! - [`LayerCompression`]: how the layers of an image are compressed
//! - [`decode`]: decompressing readers, and sizes that are recorded in the file

pub(crate) mod decode;
mod format;
mod layer;
mod members;
mod pieces;
mod size;

pub use format::CompressionFormat;
pub(crate) use format::MAGIC_LEN;
pub use layer::{GzipLevel, LayerCompression, LayerCompressionKind, ZstdLevel};
pub(crate) use members::detect_and_decompress_members;
pub(crate) use pieces::{CopiedPieces, PieceRead};

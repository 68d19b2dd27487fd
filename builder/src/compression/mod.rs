//! The *compressions* that files and layers come in: how one is recognized, by its first bytes or by the
//! name of the file, and how it is decompressed in a stream. What is written is compressed elsewhere:
//! layers by the engine, clusters of disks by their conversion.
//!
//! - [`CompressionFormat`]: gzip, xz, zstd, bzip2
//! - [`decode`]: decompressing readers, and sizes that are known without decompressing

pub(crate) mod decode;
mod format;
mod size;

pub use format::CompressionFormat;
pub(crate) use format::MAGIC_LEN;

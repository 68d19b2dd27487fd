//! Errors of reading a tar.

use std::io;

use thiserror::Error;

use crate::compression::CompressionFormat;

/// Why a tar cannot be read further. Positions are byte offsets in the decompressed tar.
#[derive(Debug, Error)]
pub enum TarReadError {
    /// The input cannot be read.
    #[error("{0}")]
    Read(io::Error),
    /// The input cannot be decompressed.
    #[error("damaged {0} data: {1}")]
    Decompress(CompressionFormat, io::Error),
    /// The tar ends within an entry.
    #[error("the tar is cut off at byte {0}")]
    Truncated(u64),
    /// The header at this offset is invalid.
    #[error("there is no valid tar header at byte {0}")]
    Header(u64),
    /// A number in a header is malformed, negative or too large.
    #[error("the {field} in the tar header at byte {at} is not a usable number")]
    Number {
        /// Name of the field.
        field: &'static str,
        /// Offset of the header.
        at: u64,
    },
    /// A pax header does not consist of records.
    #[error("the pax header at byte {0} is malformed")]
    Pax(u64),
    /// A path leads out of the root directory.
    #[error("the path {0:?} leads out of the root with `..`")]
    Escape(String),
    /// A path or a link target is not UTF-8.
    #[error("the name {0:?} is not UTF-8")]
    Encoding(String),
    /// A path or a link target has a NUL byte.
    #[error("the name {0:?} holds a NUL byte")]
    Nul(String),
    /// A symbolic link has no target.
    #[error("the symbolic link `{0}` has no target")]
    NoTarget(String),
    /// An entry is sparse, in a form that readers disagree about or that is not read here: the image
    /// specification forbids sparse files.
    #[error("`{0}` is stored as a sparse file, which images must not have")]
    Sparse(String),
    /// The map of a sparse file is invalid, or does not match its content.
    #[error("the map of the sparse file `{0}` is malformed")]
    SparseMap(String),
    /// An entry has a type that is not known.
    #[error("`{path}` is a tar member of the unknown type {flag:?}")]
    Type {
        /// Path of the entry.
        path: String,
        /// The type flag of its header.
        flag: char,
    },
    /// A limit of [`TarLimits`](super::TarLimits), or of a caller, was exceeded.
    #[error("the tar has {0} at byte {1}")]
    Limit(&'static str, u64),
}

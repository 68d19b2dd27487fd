//! Why an archive is not read on.

use std::io;

use thiserror::Error;

use crate::compression::CompressionFormat;

/// What is wrong with an archive. Places are bytes of the unpacked tar.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// Its bytes cannot be had.
    #[error("{0}")]
    Read(io::Error),
    /// It cannot be unpacked.
    #[error("damaged {0} data: {1}")]
    Decompress(CompressionFormat, io::Error),
    /// It ends in the middle of something.
    #[error("the tar is cut off at byte {0}")]
    Truncated(u64),
    /// There is no header where one must be.
    #[error("there is no valid tar header at byte {0}")]
    Header(u64),
    /// A number in a header is none, or is negative or too large.
    #[error("the {field} in the tar header at byte {at} is not a usable number")]
    Number {
        /// What the number is of.
        field: &'static str,
        /// Of the header.
        at: u64,
    },
    /// A pax header does not consist of records.
    #[error("the pax header at byte {0} is malformed")]
    Pax(u64),
    /// A path leads out of the archive.
    #[error("the path {0:?} has a part `..`")]
    Escape(String),
    /// A path or a link is no text.
    #[error("the name {0:?} is not UTF-8")]
    Encoding(String),
    /// A path or a link has a NUL in it.
    #[error("the name {0:?} holds a NUL byte")]
    Nul(String),
    /// A file or a link has no name, or a link says nothing.
    #[error("the member at byte {0} has no name")]
    Unnamed(u64),
    /// Holes are left out of the content: images have none, and readers disagree about them.
    #[error("`{0}` is stored as a sparse file, which images must not have")]
    Sparse(String),
    /// A kind of member that is not known.
    #[error("`{path}` is a tar member of the unknown type {flag:?}")]
    Type {
        /// Of the member.
        path: String,
        /// As the header has it.
        flag: char,
    },
    /// It has more of something than is allowed.
    #[error("the tar has {0} at byte {1}")]
    Limit(&'static str, u64),
}

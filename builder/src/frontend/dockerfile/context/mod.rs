//! A *build context* is the directory whose files COPY and ADD may take. It is listed once,
//! without what its ignore file hides, and everything is found in that [`ContextListing`]; nothing
//! outside of it can be named, not through `..` and not through symbolic links. Only contents are read
//! from the disk later, of the files that were listed.

mod error;
mod listing;
mod lookup;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::path::Path;

pub use error::ContextError;
pub(crate) use error::LookupError;
pub use listing::{
    ContextEntry, ContextEntryKind, ContextListing, ContextListingBuilder, FileIdentity,
};

/// A directory whose files can be taken.
pub trait BuildContext: Sync {
    /// Returns what is in it. The first call looks; the others return the same.
    fn listing(&self) -> Result<&ContextListing, &ContextError>;

    /// Opens a regular file of the listing for reading, under the path it has there. Fails if
    /// another file has taken its place since.
    fn open(&self, path: &Path) -> io::Result<File>;
}

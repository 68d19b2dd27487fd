//! A *build context* is the directory from which COPY and ADD take files. It is listed once,
//! without what its ignore file excludes, and all lookups use that [`ContextListing`]; nothing
//! outside of it can be named, neither through `..` nor through symbolic links. Later only the
//! contents of listed files are read.

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

/// A directory whose files can be copied.
pub trait BuildContext: Sync {
    /// Returns the listing. The first call walks the directory; later calls return the same result.
    fn listing(&self) -> Result<&ContextListing, &ContextError>;

    /// Opens a regular file for reading, by its path in the listing. Fails if the file was replaced
    /// since.
    fn open(&self, path: &Path) -> io::Result<File>;
}

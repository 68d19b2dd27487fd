//! A *sink* takes a finished image: blobs first, in any order, names last. What is not named yet
//! can be lost without harm, so a build that fails leaves every name as it was.

use std::io::{self, Read, Write};

use crate::oci::image::reference::Reference;
use oci_spec::image::Descriptor;
use thiserror::Error;

use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;

/// Somewhere images are put: a layout, an archive, registries. The `names` are those that the images
/// will have which the blob or document is for; a registry keeps each repository's blobs apart.
pub trait Sink: Sync {
    /// Tells whether a blob is there already, so that it need not be made.
    fn has(&self, digest: Digest, size: u64, names: &[Reference]) -> Result<bool, SinkError>;

    /// Starts a blob whose digest is not known yet; `len` is how long it can become.
    fn start(&self, len: u64, names: &[Reference]) -> Result<Box<dyn BlobWriter + '_>, SinkError>;

    /// Puts a blob that lies somewhere else, unless it is there already.
    fn put_blob(
        &self,
        blob: &Blob<'_>,
        names: &[Reference],
        advanced: &(dyn Fn(u64) + Sync),
    ) -> Result<Moved, SinkError>;

    /// Puts a document.
    fn put(&self, document: &Document, names: &[Reference]) -> Result<(), SinkError>;

    /// Makes names point at images, all at once where that is possible: they are there afterwards,
    /// or none is.
    fn publish(&self, images: &[Named]) -> Result<(), SinkError>;

    /// Returns how many blobs can be under way at one time.
    fn width(&self) -> usize;
}

/// A blob that is being written. Dropped before it is finished, it leaves nothing.
pub trait BlobWriter: Write {
    /// Puts the blob in its place; the digest and size are those of what was written.
    fn finish(&mut self, digest: Digest, size: u64) -> Result<(), SinkError>;

    /// Prepares for the same bytes from the beginning again, after a write or the end failed; tells
    /// whether that makes sense. What is there already is not moved again.
    fn restart(&mut self) -> Result<bool, SinkError> {
        Ok(false)
    }
}

/// A blob that lies somewhere else.
#[derive(Clone, Copy)]
pub struct Blob<'a> {
    /// Of its bytes.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    /// Its bytes.
    pub source: &'a dyn BlobSource,
    /// The registry's URL and the repository that have it, if it comes from one.
    pub beside: Option<(&'a str, &'a str)>,
}

/// Where a blob lies; it can be read more than once.
pub trait BlobSource: Sync {
    /// Opens it for reading from byte `at` on.
    fn open(&self, at: u64) -> Result<Box<dyn Read + '_>, SinkError>;
}

/// How a blob came to be where it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moved {
    /// It was there.
    There,
    /// It was in the same registry.
    Mounted,
    /// Its bytes were moved.
    Sent,
}

/// An image and the name it shall have.
#[derive(Debug, Clone)]
pub struct Named {
    /// Its index or manifest.
    pub image: Descriptor,
    /// Nothing for an image without a name.
    pub name: Option<Reference>,
    /// What a layout calls it that has no name.
    pub tag: Option<String>,
}

impl Named {
    /// Returns the tag, `latest` where there is no name.
    pub fn tag(&self) -> &str {
        let named = self.name.as_ref().and_then(Reference::tag);
        named.or(self.tag.as_deref()).unwrap_or("latest")
    }
}

/// Why a sink did not take something.
#[derive(Debug, Error)]
pub enum SinkError {
    /// The system refused.
    #[error("cannot {act} {place}")]
    Io {
        /// What was attempted, e.g. `write`.
        act: &'static str,
        /// The path, relative to the sink where it is one of the sink's.
        place: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// What is there is not what it should be; it is left alone.
    #[error("{place} {problem}")]
    Foreign {
        /// The path.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A registry did not do it.
    #[error("{message}")]
    Remote {
        /// What was attempted, where, and what came in between.
        message: String,
        /// What the user can do.
        help: Option<String>,
        /// Whether it may go well a little later.
        is_temporary: bool,
    },
    /// The user asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl SinkError {
    pub(crate) fn remote(message: impl Into<String>) -> Self {
        Self::Remote { message: message.into(), help: None, is_temporary: false }
    }

    /// Returns the message with what the system said.
    pub(crate) fn whole(&self) -> String {
        match self {
            Self::Io { source, .. } => format!("{self}: {source}"),
            _ => self.to_string(),
        }
    }

    /// Returns a function that says what was attempted when the system refused.
    pub(crate) fn io(
        act: &'static str,
        place: impl Into<String>,
    ) -> impl FnOnce(io::Error) -> Self {
        let place = place.into();
        move |source| Self::Io { act, place, source }
    }
}

impl std::fmt::Debug for Blob<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blob").field("digest", &self.digest).field("size", &self.size).finish()
    }
}

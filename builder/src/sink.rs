//! A *sink* takes a finished image: blobs first, in any order, names last. What is not named yet
//! can be lost without harm, so a build that fails leaves every name as it was.

use std::io::{self, Write};

use crate::image::reference::Reference;
use oci_spec::image::Descriptor;
use thiserror::Error;

use crate::image::digest::Digest;
use crate::image::json::Document;

/// Somewhere images are put: a layout, an archive, a registry.
pub trait Sink: Sync {
    /// Tells whether a blob is there already, so that it need not be made.
    fn has(&self, digest: Digest, size: u64) -> Result<bool, SinkError>;

    /// Starts a blob whose digest is not known yet.
    fn start(&self) -> Result<Box<dyn BlobWriter + '_>, SinkError>;

    /// Puts a document.
    fn put(&self, document: &Document) -> Result<(), SinkError>;

    /// Makes names point at images, all at once: they are there afterwards, or none is.
    fn publish(&self, images: &[Named]) -> Result<(), SinkError>;

    /// Returns how many blobs can be under way at one time.
    fn width(&self) -> usize;
}

/// A blob that is being written. Dropped before it is finished, it leaves nothing.
pub trait BlobWriter: Write {
    /// Puts the blob in its place; the digest and size are those of what was written.
    fn finish(self: Box<Self>, digest: Digest, size: u64) -> Result<(), SinkError>;
}

/// An image and the name it shall have.
#[derive(Debug, Clone)]
pub struct Named {
    /// Its index or manifest.
    pub image: Descriptor,
    /// Nothing for an image without a name.
    pub name: Option<Reference>,
}

impl Named {
    /// Returns the tag, `latest` where there is no name.
    pub fn tag(&self) -> &str {
        self.name.as_ref().and_then(Reference::tag).unwrap_or("latest")
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
}

impl SinkError {
    /// Returns a function that says what was attempted when the system refused.
    pub(crate) fn io(
        act: &'static str,
        place: impl Into<String>,
    ) -> impl FnOnce(io::Error) -> Self {
        let place = place.into();
        move |source| Self::Io { act, place, source }
    }
}

//! A *base* is an image that another is built on, seen as a tree. Its layers are read once to index
//! them, and not unpacked; the indexes are cached by digest, so that an unchanged base is not
//! downloaded again.

mod error;
mod index;
mod lock;
mod manifest;
mod overlay;
mod reader;
mod store;
#[cfg(test)]
mod tests;

use std::io;

use cap_std::fs::Dir;

pub use error::BaseError;
pub(crate) use error::BaseLayerProblem;
pub(crate) use lock::LockError;
pub use lock::{BaseLock, BaseResolver, LockEnforcement, PullPolicy};
pub(crate) use overlay::OverlayError;

use self::reader::BaseReader;
use crate::frontend::dockerfile::tree::Tree;
use crate::oci::image::config::ImageConfig;
use crate::oci::image::digest::Digest;
use crate::oci::image::location::ImageLocation;
use crate::oci::image::platform::Platform;
use crate::oci::images::ImageOpener;
use crate::oci::progress::{Progress, ProgressEvent};
use crate::oci::tar::TarLimits;
use crate::recipe::BaseImage;

/// Loads base images.
pub struct BaseLoader<'a> {
    /// Opens the locations of images.
    pub opener: &'a dyn ImageOpener,
    /// Directory that caches documents and layer indexes; `None` reads everything again.
    pub cache: Option<&'a Dir>,
    /// Resolves names to digests.
    pub resolver: &'a BaseResolver,
    /// Limits on the entries of a layer.
    pub limits: TarLimits,
    /// Receives progress, and cancels the loading.
    pub progress: &'a dyn Progress,
}

/// A loaded base image.
#[derive(Debug)]
pub struct LoadedBase {
    /// Layers of the image; the location contains the digest that was found there.
    pub recipe: BaseImage,
    /// Config of the image.
    pub config: ImageConfig,
    /// Files of the image, with no changes recorded.
    pub tree: Tree,
    /// Full name of an image in a registry, as it was given: the value of the annotation
    /// `org.opencontainers.image.base.name`.
    pub name: Option<String>,
    /// Digest that the name resolved to, of an index if there are several platforms: the value of
    /// `org.opencontainers.image.base.digest`.
    pub root: Digest,
}

impl BaseLoader<'_> {
    /// Loads the image at a location for a platform.
    pub fn load(
        &self,
        location: &ImageLocation,
        platform: &Platform,
    ) -> Result<LoadedBase, BaseError> {
        match BaseReader::new(self, location).load(platform) {
            Err(_) if self.progress.is_cancelled() => Err(BaseError::Cancelled),
            loaded => loaded,
        }
    }

    /// Reports a cache that cannot be written, which does not fail the build.
    fn report_cache_error(&self, written: io::Result<()>) {
        if let Err(error) = written {
            self.progress.report(ProgressEvent::Note(&format!("cannot write the cache: {error}")));
        }
    }
}

impl std::fmt::Debug for BaseLoader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BaseLoader").field("resolver", &self.resolver).finish_non_exhaustive()
    }
}

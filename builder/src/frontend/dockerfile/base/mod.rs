//! A *base* is an image that others stand on, seen as a tree. Its layers are read once, to see what
//! is in them, and not unpacked; what was seen is kept by digest, so that an unchanged base is not
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

/// Loads the images that others stand on.
pub struct Bases<'a> {
    /// Opens the places that they are in.
    pub places: &'a dyn ImageOpener,
    /// Keeps what was seen of them; nothing means that all is read anew.
    pub cache: Option<&'a Dir>,
    /// Says what names mean.
    pub resolver: &'a BaseResolver,
    /// What a layer may have.
    pub limits: TarLimits,
    /// Listens, and stops it.
    pub progress: &'a dyn Progress,
}

/// A base that can be stood on.
#[derive(Debug)]
pub struct LoadedBase {
    /// Its layers; the place names the digest that was found there.
    pub recipe: BaseImage,
    /// Its config.
    pub config: ImageConfig,
    /// What is in it; nothing of that counts as a change.
    pub tree: Tree,
    /// The whole name of an image in a registry, as it was given, and the digest that it meant:
    /// what `org.opencontainers.image.base.name` and `.digest` say.
    pub name: Option<String>,
    /// Of what the name meant: an index, if it has several platforms.
    pub root: Digest,
}

impl Bases<'_> {
    /// Loads the image of a place for a platform.
    pub fn load(
        &self,
        place: &ImageLocation,
        platform: &Platform,
    ) -> Result<LoadedBase, BaseError> {
        match BaseReader::new(self, place).load(platform) {
            Err(_) if self.progress.is_cancelled() => Err(BaseError::Cancelled),
            loaded => loaded,
        }
    }

    /// Tells of a cache that cannot be written, which does no harm.
    fn note(&self, written: io::Result<()>) {
        if let Err(error) = written {
            self.progress.report(ProgressEvent::Note(&format!("cannot write the cache: {error}")));
        }
    }
}

impl std::fmt::Debug for Bases<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bases").field("resolver", &self.resolver).finish_non_exhaustive()
    }
}

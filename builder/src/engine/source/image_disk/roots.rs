//! The *roots* of images that disks are taken out of: within one build, a tag always means the same image.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::ImageDiskError;
use crate::engine::source::SourceErrorKind;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::location::ImageLocation;
use crate::oci::images::{ImageOpener, Images};

/// Indexes and manifests that were found in this build, by location.
#[derive(Debug, Default)]
pub(crate) struct ImageRoots(Mutex<BTreeMap<String, Document>>);

impl ImageRoots {
    /// Returns the digest of an image that was found.
    pub(crate) fn digest(&self, location: &ImageLocation) -> Option<Digest> {
        let roots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        roots.get(&location.to_string()).map(|root| root.digest)
    }

    /// Returns the index or manifest of an image.
    pub(super) fn find(
        &self,
        location: &ImageLocation,
        images: &dyn Images,
        opener: &dyn ImageOpener,
    ) -> Result<Document, SourceErrorKind> {
        let mut roots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = location.to_string();
        if let Some(known) = roots.get(&key) {
            return Ok(known.clone());
        }
        let root = match location.image_name() {
            Some(name) => images.find_image(name)?.ok_or(ImageDiskError::NotFound)?,
            None => images.only_image()?.ok_or(ImageDiskError::Ambiguous)?,
        };
        opener.check_root(location, &root)?;
        roots.insert(key, root.clone());
        Ok(root)
    }
}

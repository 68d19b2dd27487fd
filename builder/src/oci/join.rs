//! A *join* makes one index of images that were made apart, such as one on a runner of each
//! architecture. The images are copied to where the index will be, byte for byte.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::oci::copy::{CopyContext, CopyError, copy_unnamed, publish_names};
use crate::oci::image::documents::{DocumentError, IndexEntry, compose_index};
use crate::oci::image::format::ImageFormat;
use crate::oci::image::json::Document;
use crate::oci::image::nearest::is_same_platform;
use crate::oci::image::platform::Platform;
use crate::oci::image_documents::read_documents;
use crate::oci::images::Images;
use crate::oci::walk::WalkError;

/// An image, or an index of images, whose images the new index gets.
pub struct IndexSource<'a> {
    /// What messages call it.
    pub name: String,
    /// Where it is read from.
    pub images: &'a dyn Images,
    /// Its index or manifest.
    pub root: Document,
}

/// Why images could not be joined.
#[derive(Debug, Error)]
pub enum JoinError {
    /// Two are for one platform.
    #[error("both {first} and {second} have an image for {platform}")]
    Platform {
        /// The platform.
        platform: Platform,
        /// What the user calls the one.
        first: String,
        /// What the user calls the other.
        second: String,
    },
    /// One says nowhere what it runs on.
    #[error("{0} does not say what it runs on")]
    Unknown(String),
    /// One cannot be read.
    #[error("{name}: {error}")]
    Documents {
        /// What the user calls it.
        name: String,
        /// Why not.
        error: WalkError,
    },
    /// One cannot be copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The index could not be composed.
    #[error(transparent)]
    Document(#[from] DocumentError),
}

/// A composed index. Its images have not been copied yet.
#[derive(Debug)]
pub struct JoinedIndex {
    /// The index.
    pub index: Document,
    /// For each of its images the number of the source and the manifest.
    manifests: Vec<(usize, Document)>,
}

impl JoinedIndex {
    /// Composes the index; its images stand in the order of the sources. Of the older index `old`
    /// those images are kept whose platform no source has.
    pub fn compose(
        old: Option<&IndexSource<'_>>,
        sources: &[IndexSource<'_>],
        annotations: &BTreeMap<String, String>,
    ) -> Result<Self, JoinError> {
        let mut found: Vec<(usize, IndexEntry, Document)> = Vec::new();
        for (number, source) in sources.iter().enumerate() {
            for (entry, manifest) in list_entries(source)? {
                let known = found
                    .iter()
                    .find(|(_, known, _)| is_same_platform(&known.platform, &entry.platform));
                match known {
                    Some((_, known, _)) if known.digest == entry.digest => {}
                    Some((first, ..)) => {
                        return Err(JoinError::Platform {
                            platform: entry.platform,
                            first: sources[*first].name.clone(),
                            second: source.name.clone(),
                        });
                    }
                    None => found.push((number, entry, manifest)),
                }
            }
        }
        let mut kept = Vec::new();
        for (entry, manifest) in old.map(list_entries).transpose()?.unwrap_or_default() {
            if !found.iter().any(|(_, new, _)| is_same_platform(&new.platform, &entry.platform)) {
                kept.push((sources.len(), entry, manifest));
            }
        }
        kept.append(&mut found);
        let entries: Vec<IndexEntry> = kept.iter().map(|(_, entry, _)| entry.clone()).collect();
        let index = compose_index(ImageFormat::Oci, &entries, annotations)?;
        let manifests = kept.into_iter().map(|(number, _, manifest)| (number, manifest)).collect();
        Ok(Self { index, manifests })
    }

    /// Copies the images, and gives the index its names. Images are read from `sources`, not from
    /// where `context` says.
    pub fn publish(
        &self,
        sources: &[IndexSource<'_>],
        context: &CopyContext<'_>,
    ) -> Result<(), JoinError> {
        for (number, manifest) in &self.manifests {
            // What is in the older index is there already.
            let Some(source) = sources.get(*number) else { continue };
            copy_unnamed(manifest, &CopyContext { images: source.images, ..*context })?;
        }
        context.sink.put_document(&self.index, context.names).map_err(CopyError::from)?;
        Ok(publish_names(&self.index, context)?)
    }
}

/// Returns the images of a source, as an index names them, and their manifests; attestations are
/// left out, since they say something of an index that is replaced.
fn list_entries(source: &IndexSource<'_>) -> Result<Vec<(IndexEntry, Document)>, JoinError> {
    let documents = read_documents(source.images, source.root.clone());
    let documents =
        documents.map_err(|error| JoinError::Documents { name: source.name.clone(), error })?;
    let images = documents.images.into_iter().filter(|image| !image.is_attestation());
    images
        .map(|image| {
            let platform = image.offered_platform();
            let platform = platform.ok_or_else(|| JoinError::Unknown(source.name.clone()))?;
            let entry = IndexEntry::new(&image.manifest, platform, image.entry_annotations);
            Ok((entry, image.manifest))
        })
        .collect()
}

impl std::fmt::Debug for IndexSource<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IndexSource").field("name", &self.name).finish_non_exhaustive()
    }
}

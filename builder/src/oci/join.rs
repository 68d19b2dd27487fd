//! A *join* makes one index of images that were made apart, such as one on a runner of each
//! architecture. The images are copied to where the index will be, byte for byte.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::oci::copy::{CopyContext, CopyError, publish, put};
use crate::oci::image::documents::{DocumentError, IndexEntry, index};
use crate::oci::image::format::Format;
use crate::oci::image::json::Document;
use crate::oci::image::platform::Platform;
use crate::oci::image_documents::{SurveyError, read_documents};
use crate::oci::images::Images;

/// An image, or an index of images, that is part of the new index.
pub struct IndexSource<'a> {
    /// What the user calls it.
    pub name: String,
    /// Where it is.
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
    Survey {
        /// What the user calls it.
        name: String,
        /// Why not.
        error: SurveyError,
    },
    /// One cannot be copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The index could not be composed.
    #[error(transparent)]
    Document(#[from] DocumentError),
}

/// A join that was thought through: nothing has been copied yet.
#[derive(Debug)]
pub struct JoinedIndex {
    /// The index.
    pub index: Document,
    /// For each image of it, the number of its part, and its manifest.
    manifests: Vec<(usize, Document)>,
}

impl JoinedIndex {
    /// Composes the index, its images in the order of the parts. Of an older index that is added to,
    /// `old`, the images stay for whose platforms there are no new ones.
    pub fn compose(
        old: Option<&IndexSource<'_>>,
        parts: &[IndexSource<'_>],
        annotations: &BTreeMap<String, String>,
    ) -> Result<Self, JoinError> {
        let mut found: Vec<(usize, IndexEntry, Document)> = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            for (entry, manifest) in entries(part)? {
                let known = found.iter().find(|(_, known, _)| known.platform == entry.platform);
                match known {
                    Some((_, known, _)) if known.digest == entry.digest => {}
                    Some((first, ..)) => {
                        return Err(JoinError::Platform {
                            platform: entry.platform,
                            first: parts[*first].name.clone(),
                            second: part.name.clone(),
                        });
                    }
                    None => found.push((number, entry, manifest)),
                }
            }
        }
        let mut kept = Vec::new();
        for (entry, manifest) in old.map(entries).transpose()?.unwrap_or_default() {
            if !found.iter().any(|(_, new, _)| new.platform == entry.platform) {
                kept.push((parts.len(), entry, manifest));
            }
        }
        kept.append(&mut found);
        let entries: Vec<IndexEntry> = kept.iter().map(|(_, entry, _)| entry.clone()).collect();
        let index = index(Format::Oci, &entries, annotations)?;
        let manifests = kept.into_iter().map(|(number, _, manifest)| (number, manifest)).collect();
        Ok(Self { index, manifests })
    }

    /// Copies the images, and gives the index its names. `context` says where from only for the names.
    pub fn publish(
        &self,
        parts: &[IndexSource<'_>],
        context: &CopyContext<'_>,
    ) -> Result<(), JoinError> {
        for (number, manifest) in &self.manifests {
            // What is in the older index is there already.
            let Some(part) = parts.get(*number) else { continue };
            put(manifest, &CopyContext { images: part.images, ..*context })?;
        }
        context.sink.put(&self.index, context.names).map_err(CopyError::from)?;
        Ok(publish(&self.index, context)?)
    }
}

/// Returns the images of a part, as an index speaks of them; attestations are left out, since they speak
/// of an index that is another one now.
fn entries(part: &IndexSource<'_>) -> Result<Vec<(IndexEntry, Document)>, JoinError> {
    let surveyed = read_documents(part.images, part.root.clone());
    let surveyed =
        surveyed.map_err(|error| JoinError::Survey { name: part.name.clone(), error })?;
    let images = surveyed.images.into_iter().filter(|image| !image.is_attestation());
    images
        .map(|image| {
            let platform = image.told.clone().or_else(|| image.platform());
            let platform = platform.ok_or_else(|| JoinError::Unknown(part.name.clone()))?;
            let annotations = annotations(&part.root, &image.manifest);
            Ok((IndexEntry::new(&image.manifest, platform, annotations), image.manifest))
        })
        .collect()
}

/// Returns what an index says of a manifest beside its platform.
fn annotations(root: &Document, manifest: &Document) -> BTreeMap<String, String> {
    let index: serde_json::Value = serde_json::from_slice(&root.bytes).unwrap_or_default();
    let digest = manifest.digest.to_string();
    let descriptors = index.get("manifests").and_then(serde_json::Value::as_array);
    let own = descriptors.into_iter().flatten().find(|it| it["digest"] == digest.as_str());
    let annotations = own.and_then(|own| serde_json::from_value(own["annotations"].clone()).ok());
    annotations.unwrap_or_default()
}

impl std::fmt::Debug for IndexSource<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IndexSource").field("name", &self.name).finish_non_exhaustive()
    }
}

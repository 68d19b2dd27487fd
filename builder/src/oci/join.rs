//! A *join* makes one index of images that were built separately, for example on a runner of each
//! architecture. The images are copied to the location of the index, byte for byte.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::oci::copy::{CopyContext, CopyError, copy_unnamed, publish_names};
use crate::oci::image::documents::{
    DocumentError, IndexEntry, IndexParts, REFERENCE_DIGEST, compose_index,
};
use crate::oci::image::format::ImageFormat;
use crate::oci::image::json::Document;
use crate::oci::image::manifest::ImageManifest;
use crate::oci::image::nearest::is_same_platform;
use crate::oci::image::platform::Platform;
use crate::oci::image_documents::read_documents;
use crate::oci::images::Images;
use crate::oci::walk::WalkError;

/// An image or an index whose images are added to the new index.
pub struct IndexSource<'a> {
    /// Name of the image in messages.
    pub name: String,
    /// Images that it is read from.
    pub images: &'a dyn Images,
    /// Index or manifest of the image.
    pub root: Document,
}

/// Why images could not be joined.
#[derive(Debug, Error)]
pub enum JoinError {
    /// Two images are for the same platform.
    #[error("both {first} and {second} have an image for {platform}")]
    Platform {
        /// The platform.
        platform: Platform,
        /// Name of the first image.
        first: String,
        /// Name of the second image.
        second: String,
    },
    /// The platform of an image is neither in its index nor in its config.
    #[error("{0} does not say what it runs on")]
    Unknown(String),
    /// An image cannot be read.
    #[error("{name}: {error}")]
    Documents {
        /// Name of the image.
        name: String,
        /// Cause of the failure.
        error: WalkError,
    },
    /// An image cannot be copied.
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
    /// The source, as its number, and the manifest of each image in the index.
    manifests: Vec<(usize, Document)>,
}

impl JoinedIndex {
    /// Composes the index, in the order of the sources; the attestations that their indexes list follow. Images of the existing index `old` are kept
    /// in front if no source has an image for their platform.
    pub fn compose(
        old: Option<&IndexSource<'_>>,
        sources: &[IndexSource<'_>],
        annotations: &BTreeMap<String, String>,
    ) -> Result<Self, JoinError> {
        let mut found: Vec<(usize, IndexEntry, Document)> = Vec::new();
        let mut attestations = Vec::new();
        for (number, source) in sources.iter().enumerate() {
            let ListedEntries { images, attestations: listed } = list_entries(source)?;
            attestations.extend(listed.into_iter().map(|(entry, it)| (number, entry, it)));
            for (entry, manifest) in images {
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
        let old = old.map(list_entries).transpose()?.unwrap_or_default();
        attestations
            .extend(old.attestations.into_iter().map(|(entry, it)| (sources.len(), entry, it)));
        for (entry, manifest) in old.images {
            if !found.iter().any(|(_, new, _)| is_same_platform(&new.platform, &entry.platform)) {
                kept.push((sources.len(), entry, manifest));
            }
        }
        kept.append(&mut found);
        let artifact_type = common_artifact_type(kept.iter().map(|(_, _, manifest)| manifest));
        add_attestations(&mut kept, attestations);
        let entries: Vec<IndexEntry> = kept.iter().map(|(_, entry, _)| entry.clone()).collect();
        let index = compose_index(&IndexParts {
            format: ImageFormat::Oci,
            artifact_type: artifact_type.as_deref(),
            entries: &entries,
            annotations,
        })?;
        let manifests = kept.into_iter().map(|(number, _, manifest)| (number, manifest)).collect();
        Ok(Self { index, manifests })
    }

    /// Copies the images and publishes the names of the index. Images are read from `sources`, not
    /// from the images of `context`.
    pub fn publish(
        &self,
        sources: &[IndexSource<'_>],
        context: &CopyContext<'_>,
    ) -> Result<(), JoinError> {
        for (number, manifest) in &self.manifests {
            // Images of the existing index are in the sink already.
            let Some(source) = sources.get(*number) else { continue };
            let context = CopyContext { images: source.images, ..*context };
            copy_unnamed(manifest, &context)?;
        }
        context.sink.put_document(&self.index, context.names).map_err(CopyError::from)?;
        Ok(publish_names(&self.index, context)?)
    }
}

/// Returns the artifact type of manifests, if all have the same.
fn common_artifact_type<'m>(mut manifests: impl Iterator<Item = &'m Document>) -> Option<String> {
    let artifact_type = |manifest| ImageManifest::parse(manifest).ok()?.artifact_type;
    let first = artifact_type(manifests.next()?)?;
    manifests.all(|other| artifact_type(other).as_deref() == Some(&first)).then_some(first)
}

/// Adds the attestations of images to them, each once.
fn add_attestations(
    images: &mut Vec<(usize, IndexEntry, Document)>,
    attestations: Vec<(usize, IndexEntry, Document)>,
) {
    let mut known: BTreeSet<String> =
        images.iter().map(|(_, entry, _)| entry.digest.to_string()).collect();
    let is_about_one = |entry: &IndexEntry, known: &BTreeSet<String>| {
        entry.annotations.get(REFERENCE_DIGEST).is_some_and(|digest| known.contains(digest))
    };
    for attestation in attestations {
        let entry = &attestation.1;
        if is_about_one(entry, &known) && known.insert(entry.digest.to_string()) {
            images.push(attestation);
        }
    }
}

/// What the index of a source lists: entries, with their manifests.
#[derive(Default)]
struct ListedEntries {
    images: Vec<(IndexEntry, Document)>,
    /// Attestations of BuildKit.
    attestations: Vec<(IndexEntry, Document)>,
}

/// Returns what the index of a source lists.
fn list_entries(source: &IndexSource<'_>) -> Result<ListedEntries, JoinError> {
    let documents = read_documents(source.images, source.root.clone());
    let documents =
        documents.map_err(|error| JoinError::Documents { name: source.name.clone(), error })?;
    let mut listed = ListedEntries::default();
    for image in documents.images {
        let is_attestation = image.is_attestation();
        let platform = image.offered_platform();
        let platform = platform.ok_or_else(|| JoinError::Unknown(source.name.clone()))?;
        let entry = IndexEntry::new(&image.manifest, platform, image.entry_annotations);
        let entries = if is_attestation { &mut listed.attestations } else { &mut listed.images };
        entries.push((entry, image.manifest));
    }
    Ok(listed)
}

impl std::fmt::Debug for IndexSource<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IndexSource").field("name", &self.name).finish_non_exhaustive()
    }
}

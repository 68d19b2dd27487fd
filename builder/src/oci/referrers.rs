//! *Referrers* of an image, as [`Images`] list them: those of its index, and of the image of each platform.

use std::collections::BTreeSet;
use std::fmt;

use crate::oci::copy_error::CopyError;
use crate::oci::error::StorageError;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::format::EMPTY_CONFIG;
use crate::oci::image::json::Document;
use crate::oci::image::platform::Platform;
use crate::oci::image::referrer::find_artifact_type;
use crate::oci::images::Images;
use crate::oci::walk::{DocumentLimits, DocumentSource, DocumentWalk, NestedIndexes, WalkError};

/// The most referrers that are read because their list does not have their artifact type.
const UNTYPED_MAX: usize = 1000;

/// An image that others can refer to: an index, or the image of a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Digest of the index or manifest.
    pub digest: Digest,
    /// Media type of the index or manifest.
    pub media_type: String,
    /// Length of the index or manifest in bytes.
    pub size: u64,
    /// Platform of an image of an index.
    pub platform: Option<Platform>,
}

impl Subject {
    /// Returns the subject that a document is.
    pub(crate) fn of_document(document: &Document, platform: Option<Platform>) -> Self {
        Self::of_descriptor(&Descriptor::of_document(document), platform)
    }

    /// Returns the subject that a descriptor names.
    pub(crate) fn of_descriptor(descriptor: &Descriptor, platform: Option<Platform>) -> Self {
        let Descriptor { digest, media_type, size, .. } = descriptor.clone();
        Self { digest, media_type, size, platform }
    }

    /// Returns the descriptor of the index or manifest.
    pub(crate) fn descriptor(&self) -> Descriptor {
        Descriptor::new(self.media_type.clone(), self.digest, self.size)
    }

    /// Returns whether it is an index.
    pub fn is_index(&self) -> bool {
        self.descriptor().is_index()
    }
}

impl fmt::Display for Subject {
    /// Writes the platform, or what the image is without one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.platform {
            Some(platform) => platform.to_string().escape_debug().fmt(f),
            None => f.write_str(if self.is_index() { "index" } else { "manifest" }),
        }
    }
}

/// An image that refers to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// Image that it refers to.
    pub subject: Subject,
    /// Descriptor of its manifest or index.
    pub descriptor: Descriptor,
}

impl Referrer {
    /// Returns the type of the artifact; empty if it has none.
    pub fn artifact_type(&self) -> &str {
        &self.descriptor.artifact_type
    }
}

/// Returns the images that others can refer to: the image itself and, if it is an index, the images that it lists; of a
/// platform only the image that is nearest to it. `name` is the name of the image in messages.
pub fn find_subjects(
    images: &dyn Images,
    root: &Document,
    platform: Option<&Platform>,
    name: &str,
) -> Result<Vec<Subject>, CopyError> {
    let Some(wanted) = platform else {
        return Ok(list_subjects(&images, root, ListedEntries::Images)?);
    };
    let mut walk = DocumentWalk::new(&images, DocumentLimits::default());
    let document = walk.choose_platform(root, wanted, name)??;
    Ok(vec![Subject::of_document(&document, platform.cloned())])
}

/// Which entries of an index are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListedEntries {
    /// Images.
    Images,
    /// Images, and the attestations of BuildKit among them.
    All,
}

/// Returns an image and, if it is an index, what it lists.
pub(crate) fn list_subjects(
    documents: &dyn DocumentSource,
    root: &Document,
    entries: ListedEntries,
) -> Result<Vec<Subject>, WalkError> {
    let mut walk = DocumentWalk::new(documents, DocumentLimits::default());
    let mut subjects = vec![Subject::of_document(root, None)];
    let mut known = BTreeSet::from([root.digest]);
    for image in walk.list_images(root, NestedIndexes::ByEntry)? {
        let is_meant = entries == ListedEntries::All || !image.is_attestation();
        if is_meant && known.insert(image.descriptor.digest) {
            let platform = image.descriptor.platform.clone();
            subjects.push(Subject::of_descriptor(&image.descriptor, platform));
        }
    }
    Ok(subjects)
}

/// Lists the referrers of an image, with their artifact types: a list that another program wrote may lack them.
pub fn list_referrers(
    images: &dyn Images,
    subject: &Subject,
) -> Result<Vec<Referrer>, StorageError> {
    let mut all = images.list_referrers(subject.digest)?;
    // cosign 2 lists its bundles with the type of their config.
    let is_untyped = |it: &&mut Descriptor| {
        (it.artifact_type.is_empty() || it.artifact_type == EMPTY_CONFIG) && it.is_manifest()
    };
    let untyped = all.iter_mut().filter(is_untyped);
    for referrer in untyped.take(UNTYPED_MAX) {
        if let Some(document) = images.read_document(referrer.digest)? {
            referrer.artifact_type = find_artifact_type(&document);
        }
    }
    let referrers = all.into_iter();
    Ok(referrers.map(|descriptor| Referrer { subject: subject.clone(), descriptor }).collect())
}

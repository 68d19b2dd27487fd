//! The *list* of what belongs to an image, to show it.

use super::search::Lookup;
use super::selector::AttachmentSelector;
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::tag::Tag;
use crate::oci::images::Images;
use crate::oci::referrers::{Subject, list_referrers};

/// A manifest or an index that belongs to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Image that it belongs to.
    pub subject: Subject,
    /// Digest of the manifest or index.
    pub digest: Digest,
    /// Tag by which it is found; none for a referrer.
    pub tag: Option<Tag>,
    /// Type of the artifact of a referrer; empty if it has none.
    pub artifact_type: String,
}

/// Lists what belongs to an image: what has a tag of cosign, then referrers.
pub fn list_attachments(
    images: &dyn Images,
    subject: &Subject,
) -> Result<Vec<Attachment>, StorageError> {
    let tagged = Lookup::find_tagged(images, subject.digest, &AttachmentSelector::All)?;
    let tagged = tagged.into_iter().map(|(tag, document)| Attachment {
        subject: subject.clone(),
        digest: document.digest,
        tag: Some(tag),
        artifact_type: String::new(),
    });
    let referrers = list_referrers(images, subject)?.into_iter();
    let referrers = referrers.map(|referrer| Attachment {
        subject: referrer.subject,
        digest: referrer.descriptor.digest,
        tag: None,
        artifact_type: referrer.descriptor.artifact_type,
    });
    Ok(tagged.chain(referrers).collect())
}

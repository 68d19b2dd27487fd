//! Tags are added to images of a registry, and images are *deleted*
//! (<https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#content-management>).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use thiserror::Error;

use super::error::{DELETE_ACT, RegistryError, RegistryErrorCause};
use super::scope::TokenScope;
use super::{RegistryClient, Repository};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::reference::Reference;
use crate::oci::image::referrer::{AttachedDocument, is_image};
use crate::oci::image::tag::{CosignTag, Tag};

/// The most artifacts that are deleted with an image.
const ATTACHED_MAX: usize = 1000;

/// What a registry deleted, or would delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedImage {
    /// Digest of the index or manifest.
    pub digest: Digest,
    /// Tags that are deleted.
    pub tags: Vec<Tag>,
    /// Whether the image itself is deleted rather than only a tag.
    pub with_image: bool,
    /// Digests of signatures and other artifacts that are deleted with the image.
    pub attached: Vec<Digest>,
}

/// Why an image was not deleted.
#[derive(Debug, Error)]
pub enum DeleteError {
    /// There is no such image.
    #[error("there is no image `{0}`")]
    NotFound(String),
    /// The registry deletes images only, and other tags refer to this one.
    #[error(
        "cannot delete `{name}` alone: the registry deletes whole images, and this one has other tags: {}",
        .others.iter().map(Tag::as_str).collect::<Vec<_>>().join(", ")
    )]
    Shared {
        /// The image as it was named.
        name: String,
        /// The image with all its tags, named by its digest.
        whole: String,
        /// Other tags of the image.
        others: Vec<Tag>,
    },
    /// The registry refused a request, or could not be reached.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<RegistryError> for DeleteError {
    fn from(error: RegistryError) -> Self {
        Self::Storage(error.into())
    }
}

impl RegistryClient {
    /// Points the tag of a name at a document that its repository has.
    pub fn add_tag(&self, document: &Document, name: &Reference) -> Result<(), RegistryError> {
        let repository = self.target_repository(name)?;
        name.tag().map_or(Ok(()), |tag| repository.publish_name(document, tag))
    }

    /// Returns what the name of an image refers to in its repository: a digest with all its tags, or a
    /// tag alone.
    pub fn find_deletion(&self, name: &Reference) -> Result<DeletedImage, DeleteError> {
        let repository = self.target_repository(name)?;
        let digest = repository.find_document(name)?.digest;
        if name.digest().is_some() {
            let tags = repository.list_tags_with_digests()?;
            let attached = repository.list_attached(digest, &tags)?;
            let tags = tags_of(digest, tags);
            return Ok(DeletedImage { digest, tags, with_image: true, attached });
        }
        let tags = name.tag().and_then(|tag| tag.parse().ok()).into_iter().collect();
        Ok(DeletedImage { digest, tags, with_image: false, attached: Vec::new() })
    }

    /// Deletes a tag, or with a digest an image and all its tags. Where the registry cannot delete a
    /// tag alone, the image is deleted if no other tag refers to it. With an image its signatures and other artifacts that
    /// refer to it are deleted, but not those of its platforms, which other indexes may list.
    pub fn delete_image(&self, name: &Reference) -> Result<DeletedImage, DeleteError> {
        let repository = self.target_repository(name)?;
        let document = repository.find_document(name)?;
        let digest = document.digest;
        let tag = name.tag().filter(|_| name.digest().is_none());
        if let Some(tag) = tag
            && repository.delete_tag(tag, digest)?
        {
            // A registry may delete the image together with its tag.
            let with_image = repository.probe_manifest(&digest.to_string())?.is_none();
            let tags = tag.parse().into_iter().collect();
            if !with_image {
                return Ok(DeletedImage { digest, tags, with_image, attached: Vec::new() });
            }
            repository.unlist(&document)?;
            let attached =
                repository.list_attached(digest, &repository.list_tags_with_digests()?)?;
            repository.delete_attached(&attached)?;
            return Ok(DeletedImage { digest, tags, with_image, attached });
        }
        let tags = repository.list_tags_with_digests()?;
        let attached = repository.list_attached(digest, &tags)?;
        let tags = tags_of(digest, tags);
        let others: Vec<Tag> =
            tags.iter().filter(|other| Some(other.as_str()) != tag).cloned().collect();
        if tag.is_some() && !others.is_empty() {
            let (whole, name) = (name.with_digest(digest).to_string(), name.to_string());
            return Err(DeleteError::Shared { name, whole, others });
        }
        repository.send_deletion(&digest.to_string(), |status| matches!(status, 200..=204))?;
        repository.unlist(&document)?;
        repository.delete_attached(&attached)?;
        Ok(DeletedImage { digest, tags, with_image: true, attached })
    }
}

impl Repository<'_> {
    fn find_document(&self, name: &Reference) -> Result<Document, DeleteError> {
        let reference = name.digest().or(name.tag()).unwrap_or_default();
        let found = self.read_manifest(reference)?;
        found.ok_or_else(|| DeleteError::NotFound(name.to_string()))
    }

    /// Removes an image that was deleted from the list of referrers of its subject.
    fn unlist(&self, document: &Document) -> Result<(), RegistryError> {
        AttachedDocument::of_document(document).map_or(Ok(()), |it| self.ensure_unlisted(&it))
    }

    /// Lists what belongs to an image: what cosign's tags of it refer to, artifacts that refer to it, what belongs to these,
    /// and the list of referrers where the registry has none of its own. What has a tag of its own is not among them, and
    /// neither are images that refer to it.
    fn list_attached(
        &self,
        image: Digest,
        tags: &BTreeMap<Tag, Digest>,
    ) -> Result<Vec<Digest>, RegistryError> {
        let named = tags.iter().filter(|(tag, _)| tag.subject().is_none());
        let mut known: BTreeSet<Digest> = named.map(|(_, digest)| *digest).collect();
        known.insert(image);
        let (mut attached, mut pending) = (Vec::new(), vec![image]);
        while let Some(subject) = pending.pop() {
            let own = CosignTag::ALL.map(|kind| kind.of_image(subject));
            let own = own.into_iter().chain([Tag::of_referrers(subject)]);
            let mut found: Vec<Digest> = own.filter_map(|tag| tags.get(&tag).copied()).collect();
            for referrer in self.list_referrers(subject)?.into_iter().take(ATTACHED_MAX) {
                if self.is_artifact(referrer.digest)? {
                    found.push(referrer.digest);
                }
            }
            found.retain(|digest| known.insert(*digest));
            found.truncate(ATTACHED_MAX - attached.len());
            attached.extend_from_slice(&found);
            pending.append(&mut found);
        }
        Ok(attached)
    }

    /// Returns whether a manifest or an index exists, and is no image.
    fn is_artifact(&self, digest: Digest) -> Result<bool, RegistryError> {
        let document = self.read_manifest(&digest.to_string())?;
        let fields = document.and_then(|it| serde_json::from_slice::<Value>(&it.bytes).ok());
        Ok(fields.is_some_and(|fields| !is_image(&fields)))
    }

    /// Deletes what belonged to an image that was deleted. A registry may have done so itself.
    fn delete_attached(&self, attached: &[Digest]) -> Result<(), RegistryError> {
        attached.iter().try_for_each(|digest| {
            let is_gone = |status| matches!(status, 200..=204 | 404);
            self.send_deletion(&digest.to_string(), is_gone).map(drop)
        })
    }

    /// Deletes a tag; returns whether the registry can do that.
    pub(super) fn delete_tag(&self, tag: &str, digest: Digest) -> Result<bool, RegistryError> {
        // Registries refuse it with any of these; distribution 2.8 takes the tag for a digest.
        let refused = |status| matches!(status, 400 | 404 | 405 | 500 | 501);
        let status =
            self.send_deletion(tag, |status| matches!(status, 200..=204) || refused(status))?;
        if refused(status) {
            return Ok(false);
        }
        if self.probe_manifest(tag)? != Some(digest) {
            return Ok(true);
        }
        let why = format!("the server answered {status}, and the tag is still there");
        Err(self.reference_error(tag, DELETE_ACT, RegistryErrorCause::InvalidContent(why)))
    }

    pub(super) fn send_deletion(
        &self,
        reference: &str,
        expected: impl Fn(u16) -> bool,
    ) -> Result<u16, RegistryError> {
        let scope = TokenScope::delete(&self.name);
        let call = self.manifest_call(DELETE_ACT, "DELETE", reference, scope)?;
        let response = self.send_call(&call, expected);
        let response =
            response.map_err(|error| self.reference_error(reference, DELETE_ACT, error.cause))?;
        let status = response.head.status;
        response.discard();
        Ok(status)
    }

    /// Lists all tags with the digests that they refer to. Each tag of the repository is looked up.
    fn list_tags_with_digests(&self) -> Result<BTreeMap<Tag, Digest>, RegistryError> {
        let mut found = BTreeMap::new();
        for tag in self.list_tags()? {
            if let Some(digest) = self.probe_manifest(tag.as_str())? {
                found.insert(tag, digest);
            }
        }
        Ok(found)
    }
}

/// Returns the tags that refer to a digest, in alphabetical order.
fn tags_of(digest: Digest, tags: BTreeMap<Tag, Digest>) -> Vec<Tag> {
    tags.into_iter().filter(|(_, it)| *it == digest).map(|(tag, _)| tag).collect()
}

//! Images that a plan removes are *pruned* from a repository.
//!
//! The distribution API deletes manifests by digest, with all their tags; some registries delete a tag alone
//! (<https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#deleting-tags>). What the plan did not
//! know stays, and what it needs: all tags are compared with the plan before anything is deleted, and again meanwhile. There is
//! no deletion on a condition, so that a tag can still be written between the last look and the deletion.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

use super::error::{RegistryError, RegistryErrorCause};
use super::read::RegistryImages;
use super::{RegistryClient, Repository};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::ref_name::RefName;
use crate::oci::image::reference::Reference;
use crate::oci::image::tag::Tag;
use crate::oci::parallel::in_parallel;
use crate::oci::retention::{LiveSearch, PrunePlan, RemovalScope, RemovedImage, RetentionRules};

/// How many requests are sent at a time.
const WIDTH: usize = 8;

/// The most tags that are read again before each image. A request reads one.
const TAGS_READ_EACH_TIME: usize = 64;

/// Before how many images more tags than these are read again.
const IMAGES_BETWEEN_READS: usize = 16;

/// What happens while a plan is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PruneEvent {
    /// A tag was deleted.
    Tag(Tag),
    /// A manifest or an index was deleted.
    Manifest(Digest),
    /// Something stays that the plan would have deleted, and why.
    Left(String, LeftReason),
    /// A tag that the plan would have deleted does not exist any more.
    Gone(Tag),
}

/// Why something stays that the plan would have deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftReason {
    /// The tag names another image now.
    Moved,
    /// A tag that was written meanwhile needs it.
    Needed,
    /// The registry deletes no tag without its image, which something that stays needs.
    Shared,
}

impl fmt::Display for LeftReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Moved => "it was changed meanwhile",
            Self::Needed => "a tag that was written meanwhile needs it",
            Self::Shared => {
                "the registry deletes whole images, and something that stays needs this one"
            }
        })
    }
}

/// A plan that was not carried out to its end.
#[derive(Debug, Error)]
#[error("{source}")]
pub struct PruneError {
    /// Why not.
    pub source: StorageError,
    /// Manifests that are still there, and may have lost their last tag.
    pub unnamed: Vec<Digest>,
}

impl From<StorageError> for PruneError {
    fn from(source: StorageError) -> Self {
        Self { source, unnamed: Vec::new() }
    }
}

impl From<RegistryError> for PruneError {
    fn from(error: RegistryError) -> Self {
        StorageError::from(error).into()
    }
}

/// Whether a registry deletes a tag alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TagDeletion {
    Untried,
    Works,
    Refused,
}

impl RegistryClient {
    /// Reads the images of a repository, and plans which of them are removed. `now` is in seconds since 1970.
    pub fn plan_pruning(
        &self,
        name: &Reference,
        rules: &RetentionRules,
        now: i64,
    ) -> Result<PrunePlan, StorageError> {
        let images = RegistryImages::new(vec![self.target_repository(name)?]);
        PrunePlan::read(&images, rules, now, &*self.options.progress)
    }

    /// Deletes what a plan removes. `report` is called for each tag and manifest.
    pub fn prune(
        &self,
        name: &Reference,
        plan: &PrunePlan,
        report: &mut dyn FnMut(PruneEvent),
    ) -> Result<(), PruneError> {
        let repository = self.target_repository(name)?;
        let images = RegistryImages::new(vec![repository.clone()]);
        let tags = repository.list_names()?;
        let protected = LiveSearch::new(&images, &tags, &*self.options.progress);
        let deletion = TagDeletion::Untried;
        let mut run =
            PruneRun { repository: &repository, plan, protected, tags: 0, deletion, report };
        run.protect_changed(&tags)?;
        for (number, image) in plan.removed.iter().enumerate() {
            if self.options.progress.is_cancelled() {
                return Err(StorageError::Cancelled.into());
            }
            // The tags were read just before the first.
            if number > 0 && run.is_look_due(number) {
                run.protect_changed(&repository.list_names()?)?;
            }
            run.remove(image)?;
        }
        Ok(())
    }
}

/// A plan that is being carried out.
struct PruneRun<'a> {
    repository: &'a Repository<'a>,
    plan: &'a PrunePlan,
    /// What tags need that the plan did not know.
    protected: LiveSearch<'a>,
    /// How many tags were read the last time.
    tags: usize,
    deletion: TagDeletion,
    report: &'a mut dyn FnMut(PruneEvent),
}

impl PruneRun<'_> {
    /// Returns whether all tags are read again before an image: each time where they are few.
    fn is_look_due(&self, number: usize) -> bool {
        self.tags <= TAGS_READ_EACH_TIME || number.is_multiple_of(IMAGES_BETWEEN_READS)
    }

    /// Protects what tags name that the plan did not know so. Any tag may be moved to an image that the plan removes: one that
    /// stays, one that was left, and one whose own turn comes later.
    fn protect_changed(&mut self, tags: &BTreeMap<RefName, Digest>) -> Result<(), PruneError> {
        self.tags = tags.len();
        let is_new =
            |(name, digest): &(&RefName, &Digest)| self.plan.tags.get(*name) != Some(*digest);
        let changed = tags.iter().filter(is_new).map(|(_, digest)| *digest);
        Ok(self.protected.add(changed)?)
    }

    fn remove(&mut self, image: &RemovedImage) -> Result<(), PruneError> {
        let mut tags = Vec::new();
        for tag in image.tags.iter().filter_map(RefName::tag) {
            match self.repository.probe_manifest(tag.as_str())? {
                Some(found) if found == image.digest => tags.push(tag),
                Some(other) => {
                    self.protected.add([other])?;
                    self.leave(&tag, LeftReason::Moved);
                }
                None => (self.report)(PruneEvent::Gone(tag)),
            }
        }
        match &image.scope {
            RemovalScope::Image(attached) if !self.protected.has(image.digest) => {
                self.remove_image(image.digest, tags, attached)
            }
            RemovalScope::Image(_) => {
                (self.report)(PruneEvent::Left(image.digest.to_string(), LeftReason::Needed));
                self.remove_tags(image.digest, &tags)
            }
            RemovalScope::Tags => self.remove_tags(image.digest, &tags),
        }
    }

    fn leave(&mut self, tag: &Tag, reason: LeftReason) {
        (self.report)(PruneEvent::Left(tag.to_string(), reason));
    }

    /// Deletes an image and what belongs to it: its tags first, what it lists last.
    fn remove_image(
        &mut self,
        digest: Digest,
        mut tags: Vec<Tag>,
        attached: &[Digest],
    ) -> Result<(), PruneError> {
        let mut pending: Vec<Digest> = Vec::from([digest]);
        pending.extend(attached.iter().filter(|it| !self.protected.has(**it)));
        let mut has_begun = false;
        while let Some(tag) = tags.first() {
            if self.deletion == TagDeletion::Refused {
                break;
            }
            if !self.repository.delete_tag(tag.as_str(), digest)? {
                self.deletion = TagDeletion::Refused;
                break;
            }
            (self.deletion, has_begun) = (TagDeletion::Works, true);
            (self.report)(PruneEvent::Tag(tags.remove(0)));
        }
        let mut done = 0;
        let deleted = pending.iter().try_for_each(|manifest| {
            // A registry may have deleted it together with its tag.
            let is_gone = |status| matches!(status, 200..=204 | 404);
            self.repository.send_deletion(&manifest.to_string(), is_gone)?;
            for tag in std::mem::take(&mut tags) {
                (self.report)(PruneEvent::Tag(tag));
            }
            (self.report)(PruneEvent::Manifest(*manifest));
            (has_begun, done) = (true, done + 1);
            Ok::<(), RegistryError>(())
        });
        deleted.map_err(|error| {
            // A request whose response was lost may have been carried out.
            let is_refused = matches!(error.cause, RegistryErrorCause::Status { .. });
            let is_whole = is_refused && !has_begun;
            let unnamed = if is_whole { Vec::new() } else { pending.split_off(done) };
            PruneError { source: error.into(), unnamed }
        })
    }

    /// Deletes tags of an image that stays.
    fn remove_tags(&mut self, digest: Digest, tags: &[Tag]) -> Result<(), PruneError> {
        for tag in tags {
            if self.deletion != TagDeletion::Refused && self.remove_tag(digest, tag)? {
                self.deletion = TagDeletion::Works;
                (self.report)(PruneEvent::Tag(tag.clone()));
            } else {
                self.deletion = TagDeletion::Refused;
                self.leave(tag, LeftReason::Shared);
            }
        }
        Ok(())
    }

    /// Deletes a tag of an image that stays; returns whether the registry can do that. Some delete the image together with
    /// its tag: it is written again then.
    fn remove_tag(&self, digest: Digest, tag: &Tag) -> Result<bool, PruneError> {
        let Some(document) = self.repository.read_manifest(&digest.to_string())? else {
            return Ok(false);
        };
        if !self.repository.delete_tag(tag.as_str(), digest)? {
            return Ok(false);
        }
        if self.repository.read_manifest(&digest.to_string())?.is_some() {
            return Ok(true);
        }
        self.restore(&document)?;
        Ok(false)
    }

    /// Writes an image and all its tags again.
    fn restore(&self, document: &Document) -> Result<(), RegistryError> {
        self.repository.put_manifest(document)?;
        let all = self.plan.tags.iter().filter(|(_, digest)| **digest == document.digest);
        for name in all.filter_map(|(name, _)| name.tag()) {
            if self.repository.probe_manifest(name.as_str())?.is_none() {
                self.repository.publish_name(document, name.as_str())?;
            }
        }
        Ok(())
    }
}

impl Repository<'_> {
    /// Lists all tags with what they name.
    fn list_names(&self) -> Result<BTreeMap<RefName, Digest>, RegistryError> {
        let tags: Vec<Tag> = self.list_tags()?;
        let found = in_parallel(&tags, WIDTH, |_, tag| self.probe_manifest(tag.as_str()))?;
        let tags = tags.into_iter().map(RefName::from).zip(found);
        Ok(tags.filter_map(|(tag, digest)| Some((tag, digest?))).collect())
    }
}

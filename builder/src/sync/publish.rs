//! *Publishing* one image: platforms that differ are built, the others are kept, and the main tag moves
//! last. Just before that it is read again: if another process has moved it meanwhile, everything is
//! compared again.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::detect::{detect_disks, fill_tags};
use super::numbered::NumberedProgress;
use super::plan::{PlatformPlan, plan_platforms};
use super::platform_builder::PlatformBuilder;
use super::published::{PublishedImage, RECIPE_DIGEST};
use super::{
    PlatformSyncOutcome, PlatformSyncReport, SyncError, SyncJob, SyncMode, SyncOutcome, SyncReport,
    SyncScope, SyncTools, recipe_digest,
};
use crate::frontend::spec::PlatformsPolicy;
use crate::oci::copy::{CopyContext, copy_unnamed};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::documents::{DocumentError, IndexEntry, compose_index};
use crate::oci::image::format::ImageFormat;
use crate::oci::image::json::Document;
use crate::oci::image::platform::Platform;
use crate::oci::image::reference::Reference;
use crate::oci::images::Images;
use crate::oci::progress::Progress;
use crate::oci::sink::{NamedImage, Sink};
use crate::registry::client::{RegistryImages, RegistrySink};
use crate::upstream::UpstreamDisk;

/// Maximum number of comparisons, after other processes have moved the tag.
const ATTEMPTS_MAX: usize = 3;

/// The sync of one image.
pub(super) struct ImageSync<'a> {
    job: &'a SyncJob<'a>,
    sync: &'a SyncTools<'a>,
    progress: NumberedProgress<'a>,
    found: Vec<Result<UpstreamDisk, Arc<SyncError>>>,
    /// Images that have been built, by the platform's number.
    built: BTreeMap<usize, IndexEntry>,
}

impl<'a> ImageSync<'a> {
    pub(super) fn new(job: &'a SyncJob<'a>, number: usize, sync: &'a SyncTools<'a>) -> Self {
        let progress = NumberedProgress::new(sync.progress, number, &job.entry.image);
        Self { job, sync, progress, found: Vec::new(), built: BTreeMap::new() }
    }

    pub(super) fn run(mut self) -> SyncReport {
        if self.progress.is_cancelled() {
            return self.failed_report(SyncError::Cancelled);
        }
        self.found = detect_disks(self.job, self.sync);
        for _ in 0..ATTEMPTS_MAX {
            match self.attempt() {
                Ok(Some(report)) => return report,
                Ok(None) => {}
                Err(error) => return self.failed_report(error),
            }
        }
        self.failed_report(SyncError::Contended)
    }

    /// Compares and publishes. `None` means that another process has moved the tag meanwhile.
    fn attempt(&mut self) -> Result<Option<SyncReport>, SyncError> {
        if self.progress.is_cancelled() {
            return Err(SyncError::Cancelled);
        }
        let entry = self.job.entry;
        let known_by = entry.main_tag();
        let source = self.open_images(&self.job.source)?;
        let platforms: Vec<&Platform> = entry.platforms.iter().map(|it| &it.platform).collect();
        let published = PublishedImage::read(&source, &known_by, &platforms)?;
        let mut parts = plan_platforms(self.job, self.sync, &self.found, published.as_ref())?;
        let tags = self.fill_tags(&parts)?;
        let index_recipe = recipe_digest::index_recipe_digest(entry);
        let is_as_published = published.as_ref().is_some_and(|it| it.has_recipe(&index_recipe));
        if let Some(outcome) = self.outcome_without_build(&parts, is_as_published) {
            let digest = published.map(|published| published.document.digest);
            return Ok(Some(self.report(outcome, parts, tags, digest)));
        }
        if self.sync.mode == SyncMode::DryRun {
            return Ok(Some(self.report(SyncOutcome::WouldPublish, parts, tags, None)));
        }
        let before = match &published {
            _ if self.job.source != self.job.target => self.target_digest(&known_by)?,
            published => published.as_ref().map(|it| it.document.digest),
        };
        let sink = RegistrySink::new(self.sync.registry, 1);
        self.build_parts(&mut parts, published.as_ref(), &sink)?;
        if self.has_blocking_failure(&parts) {
            let digest = published.map(|published| published.document.digest);
            return Ok(Some(self.report(SyncOutcome::Failed(None), parts, tags, digest)));
        }
        let index = self.push_index(&parts, &source, &sink, &index_recipe)?;
        let now = self.target_digest(&known_by)?;
        if now != before {
            return Ok(None);
        }
        let digest = Some(index.digest);
        // Platforms that failed were kept, and no other was new.
        if now == digest && self.sync.scope == SyncScope::Changed {
            return Ok(Some(self.report(SyncOutcome::Unchanged, parts, tags, digest)));
        }
        self.publish_tags(&index, &tags, &sink)?;
        Ok(Some(self.report(SyncOutcome::Published, parts, tags, digest)))
    }

    /// Returns the outcome if nothing has to be built, or nothing can be.
    fn outcome_without_build(
        &self,
        parts: &[PlatformPlan],
        is_as_published: bool,
    ) -> Option<SyncOutcome> {
        if self.has_blocking_failure(parts) {
            return Some(SyncOutcome::Failed(None));
        }
        let are_kept = parts.iter().all(|part| matches!(part, PlatformPlan::Keep(..)));
        if are_kept && is_as_published && self.sync.scope == SyncScope::Changed {
            return Some(SyncOutcome::Unchanged);
        }
        let is_lost = parts.iter().all(|part| matches!(part, PlatformPlan::Fail(_)));
        is_lost.then_some(SyncOutcome::Failed(None))
    }

    /// Returns whether a platform has failed without which nothing is published.
    fn has_blocking_failure(&self, parts: &[PlatformPlan]) -> bool {
        self.job.entry.policy == PlatformsPolicy::AllOrNothing
            && parts.iter().any(PlatformPlan::is_error)
    }

    fn fill_tags(&self, parts: &[PlatformPlan]) -> Result<Vec<String>, SyncError> {
        let used = parts.iter().zip(&self.found).filter(|(part, _)| !part.is_error());
        let disks: Vec<&UpstreamDisk> = used.filter_map(|(_, found)| found.as_ref().ok()).collect();
        if disks.is_empty() {
            return Ok(vec![self.job.entry.main_tag()]);
        }
        fill_tags(self.job.entry, disks.into_iter(), self.sync.timestamp)
    }

    /// Builds the planned images. Depending on the policy, a failure does not stop the other platforms.
    fn build_parts(
        &mut self,
        parts: &mut [PlatformPlan],
        published: Option<&PublishedImage>,
        sink: &dyn Sink,
    ) -> Result<(), SyncError> {
        for (number, part) in parts.iter_mut().enumerate() {
            let PlatformPlan::Build(disk, recipe) = part else { continue };
            if self.built.contains_key(&number) {
                continue;
            }
            let platform = &self.job.entry.platforms[number];
            let maker =
                PlatformBuilder { job: self.job, sync: self.sync, progress: &self.progress, sink };
            match maker.build_image(platform, disk, recipe) {
                Ok(entry) => {
                    self.built.insert(number, entry);
                }
                Err(SyncError::Cancelled) => return Err(SyncError::Cancelled),
                Err(error) => {
                    let entry = published.and_then(|it| it.find_entry(&platform.platform));
                    *part = PlatformPlan::without_disk(entry, Arc::new(error));
                    if self.job.entry.policy == PlatformsPolicy::AllOrNothing {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Pushes the index, after copying the images that are published in another repository.
    fn push_index(
        &self,
        parts: &[PlatformPlan],
        source: &dyn Images,
        sink: &dyn Sink,
        recipe: &Digest,
    ) -> Result<Document, SyncError> {
        let mut entries = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            match part {
                PlatformPlan::Build(..) => entries.extend(self.built.get(&number).cloned()),
                PlatformPlan::Keep(entry, _) => {
                    if self.job.source != self.job.target {
                        self.copy_image(entry, source, sink)?;
                    }
                    entries.push(entry.clone());
                }
                PlatformPlan::Fail(_) => {}
            }
        }
        let mut annotations = self.job.entry.annotations.clone();
        annotations.insert(RECIPE_DIGEST.into(), recipe.to_string());
        let index = compose_index(ImageFormat::Oci, &entries, &annotations)?;
        sink.put_document(&index, std::slice::from_ref(&self.job.target))?;
        Ok(index)
    }

    /// Copies a platform's image from the repository that it is published in, byte for byte.
    fn copy_image(
        &self,
        entry: &IndexEntry,
        images: &dyn Images,
        sink: &dyn Sink,
    ) -> Result<(), SyncError> {
        let document = images.document(entry.digest)?;
        let gone = || StorageError::remote(format!("{} is no longer there", entry.digest));
        let context = CopyContext {
            images,
            sink,
            names: std::slice::from_ref(&self.job.target),
            tag: None,
            jobs: 1,
            progress: &self.progress,
        };
        Ok(copy_unnamed(&document.ok_or_else(gone)?, &context)?)
    }

    fn publish_tags(
        &self,
        index: &Document,
        tags: &[String],
        sink: &dyn Sink,
    ) -> Result<(), SyncError> {
        if self.progress.is_cancelled() {
            return Err(SyncError::Cancelled);
        }
        let image = index.describe_blob().map_err(DocumentError::from)?;
        let named: Vec<NamedImage> = tags
            .iter()
            .map(|tag| NamedImage {
                image: image.clone(),
                name: Some(self.job.target.with_tag(tag.clone())),
                tag: None,
            })
            .collect();
        Ok(sink.publish(&named)?)
    }

    /// Opens a repository itself and not its mirrors, which may be outdated.
    fn open_images(&self, name: &Reference) -> Result<RegistryImages<'a>, SyncError> {
        let repository = self.sync.registry.target_repository(name).map_err(StorageError::from)?;
        Ok(RegistryImages::new(vec![repository]))
    }

    fn target_digest(&self, tag: &str) -> Result<Option<Digest>, SyncError> {
        let found = self.open_images(&self.job.target)?.find_image(tag)?;
        Ok(found.map(|document| document.digest))
    }

    fn report(
        &mut self,
        outcome: SyncOutcome,
        parts: Vec<PlatformPlan>,
        tags: Vec<String>,
        digest: Option<Digest>,
    ) -> SyncReport {
        let is_failed = matches!(outcome, SyncOutcome::Failed(_));
        let platforms = self.job.entry.platforms.iter().zip(parts).zip(&self.found).enumerate();
        let platforms = platforms.map(|(number, ((platform, part), found))| {
            let built = self.built.get(&number).map(|entry| entry.digest);
            let (outcome, digest) = match part {
                PlatformPlan::Keep(entry, None) => {
                    (PlatformSyncOutcome::Unchanged, Some(entry.digest))
                }
                PlatformPlan::Keep(entry, Some(error)) => {
                    (PlatformSyncOutcome::Kept(error), Some(entry.digest))
                }
                PlatformPlan::Build(..) if is_failed => (PlatformSyncOutcome::Skipped, None),
                PlatformPlan::Build(..) => (PlatformSyncOutcome::Built, built),
                PlatformPlan::Fail(error) => (PlatformSyncOutcome::Failed(error), None),
            };
            let disk = found.as_ref().ok().cloned();
            PlatformSyncReport { platform: platform.platform.clone(), outcome, disk, digest }
        });
        SyncReport { outcome, tags, digest, platforms: platforms.collect() }
    }

    /// Returns the report of an image that failed as a whole.
    fn failed_report(self, error: SyncError) -> SyncReport {
        let mut found = self.found.into_iter();
        let platforms = self.job.entry.platforms.iter().map(|platform| {
            let (outcome, disk) = match found.next() {
                Some(Err(error)) => (PlatformSyncOutcome::Failed(error), None),
                Some(Ok(disk)) => (PlatformSyncOutcome::Skipped, Some(disk)),
                None => (PlatformSyncOutcome::Skipped, None),
            };
            PlatformSyncReport { platform: platform.platform.clone(), outcome, disk, digest: None }
        });
        SyncReport {
            outcome: SyncOutcome::Failed(Some(error)),
            tags: Vec::new(),
            digest: None,
            platforms: platforms.collect(),
        }
    }
}

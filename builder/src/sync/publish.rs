//! One image is *published*: what differs is built, the rest is taken from what is there, and the tag
//! that the image is known by moves last. Before it does it is looked at once more: if somebody else
//! has moved it meanwhile, all is compared anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::detect::{detect, tags};
use super::make::Maker;
use super::numbered::Numbered;
use super::part::{Part, decide};
use super::published::{Published, RECIPE_DIGEST};
use super::{
    PlatformSyncOutcome, PlatformSyncReport, SyncError, SyncJob, SyncMode, SyncOutcome, SyncReport,
    SyncScope, SyncTools, recipe,
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

/// How often all is compared anew because somebody else has moved the tag.
const ROUNDS_MAX: usize = 3;

/// The work on one image.
pub(super) struct Work<'a> {
    job: &'a SyncJob<'a>,
    sync: &'a SyncTools<'a>,
    progress: Numbered<'a>,
    found: Vec<Result<UpstreamDisk, Arc<SyncError>>>,
    /// What has been built, by platform.
    built: BTreeMap<usize, IndexEntry>,
}

impl<'a> Work<'a> {
    pub(super) fn new(job: &'a SyncJob<'a>, number: usize, sync: &'a SyncTools<'a>) -> Self {
        let progress = Numbered::new(sync.progress, number, &job.entry.image);
        Self { job, sync, progress, found: Vec::new(), built: BTreeMap::new() }
    }

    pub(super) fn run(mut self) -> SyncReport {
        if self.progress.is_cancelled() {
            return self.failed(SyncError::Cancelled);
        }
        self.found = detect(self.job, self.sync);
        for _ in 0..ROUNDS_MAX {
            match self.round() {
                Ok(Some(report)) => return report,
                Ok(None) => {}
                Err(error) => return self.failed(error),
            }
        }
        self.failed(SyncError::Contended)
    }

    /// Compares and publishes. Nothing means that somebody else has moved the tag meanwhile.
    fn round(&mut self) -> Result<Option<SyncReport>, SyncError> {
        if self.progress.is_cancelled() {
            return Err(SyncError::Cancelled);
        }
        let entry = self.job.entry;
        let known_by = entry.known_by();
        let source = self.images(&self.job.source)?;
        let platforms: Vec<&Platform> = entry.platforms.iter().map(|it| &it.platform).collect();
        let published = Published::read(&source, &known_by, &platforms)?;
        let mut parts = decide(self.job, self.sync, &self.found, published.as_ref())?;
        let tags = self.tags(&parts)?;
        let index_recipe = recipe::of_index(entry);
        let is_as_published = published.as_ref().is_some_and(|it| it.is_as(&index_recipe));
        if let Some(outcome) = self.settled(&parts, is_as_published) {
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
        self.build(&mut parts, published.as_ref(), &sink)?;
        if self.is_hopeless(&parts) {
            let digest = published.map(|published| published.document.digest);
            return Ok(Some(self.report(SyncOutcome::Failed(None), parts, tags, digest)));
        }
        let index = self.index(&parts, &source, &sink, &index_recipe)?;
        let now = self.target_digest(&known_by)?;
        if now != before {
            return Ok(None);
        }
        let digest = Some(index.digest);
        // What failed was kept, and nothing else was new.
        if now == digest && self.sync.scope == SyncScope::Changed {
            return Ok(Some(self.report(SyncOutcome::Unchanged, parts, tags, digest)));
        }
        self.publish(&index, &tags, &sink)?;
        Ok(Some(self.report(SyncOutcome::Published, parts, tags, digest)))
    }

    /// Returns what becomes of the image where nothing has to be built for it, or nothing can be.
    fn settled(&self, parts: &[Part], is_as_published: bool) -> Option<SyncOutcome> {
        if self.is_hopeless(parts) {
            return Some(SyncOutcome::Failed(None));
        }
        let are_kept = parts.iter().all(|part| matches!(part, Part::Keep(..)));
        if are_kept && is_as_published && self.sync.scope == SyncScope::Changed {
            return Some(SyncOutcome::Unchanged);
        }
        let is_lost = parts.iter().all(|part| matches!(part, Part::Fail(_)));
        is_lost.then_some(SyncOutcome::Failed(None))
    }

    /// Tells whether a platform has failed without which nothing is published.
    fn is_hopeless(&self, parts: &[Part]) -> bool {
        self.job.entry.policy == PlatformsPolicy::AllOrNothing && parts.iter().any(Part::is_error)
    }

    fn tags(&self, parts: &[Part]) -> Result<Vec<String>, SyncError> {
        let used = parts.iter().zip(&self.found).filter(|(part, _)| !part.is_error());
        let disks: Vec<&UpstreamDisk> = used.filter_map(|(_, found)| found.as_ref().ok()).collect();
        if disks.is_empty() {
            return Ok(vec![self.job.entry.known_by()]);
        }
        tags(self.job.entry, disks.into_iter(), self.sync.stamp)
    }

    /// Builds what is to be built. One platform that fails keeps no other back.
    fn build(
        &mut self,
        parts: &mut [Part],
        published: Option<&Published>,
        sink: &dyn Sink,
    ) -> Result<(), SyncError> {
        for (number, part) in parts.iter_mut().enumerate() {
            let Part::Build(disk, recipe) = part else { continue };
            if self.built.contains_key(&number) {
                continue;
            }
            let platform = &self.job.entry.platforms[number];
            let maker = Maker { job: self.job, sync: self.sync, progress: &self.progress, sink };
            match maker.make(platform, disk, recipe) {
                Ok(entry) => {
                    self.built.insert(number, entry);
                }
                Err(SyncError::Cancelled) => return Err(SyncError::Cancelled),
                Err(error) => {
                    let entry = published.and_then(|it| it.entry(&platform.platform));
                    *part = Part::without(entry, Arc::new(error));
                    if self.job.entry.policy == PlatformsPolicy::AllOrNothing {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Puts the index, and before it what is published elsewhere.
    fn index(
        &self,
        parts: &[Part],
        source: &dyn Images,
        sink: &dyn Sink,
        recipe: &Digest,
    ) -> Result<Document, SyncError> {
        let mut entries = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            match part {
                Part::Build(..) => entries.extend(self.built.get(&number).cloned()),
                Part::Keep(entry, _) => {
                    if self.job.source != self.job.target {
                        self.copy(entry, source, sink)?;
                    }
                    entries.push(entry.clone());
                }
                Part::Fail(_) => {}
            }
        }
        let mut annotations = self.job.entry.annotations.clone();
        annotations.insert(RECIPE_DIGEST.into(), recipe.to_string());
        let index = compose_index(ImageFormat::Oci, &entries, &annotations)?;
        sink.put_document(&index, std::slice::from_ref(&self.job.target))?;
        Ok(index)
    }

    /// Copies a platform's image from where it is published, byte for byte.
    fn copy(
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

    fn publish(&self, index: &Document, tags: &[String], sink: &dyn Sink) -> Result<(), SyncError> {
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

    /// Returns the images of a repository itself, not those of its mirrors: they may lag behind.
    fn images(&self, name: &Reference) -> Result<RegistryImages<'a>, SyncError> {
        let repository = self.sync.registry.target(name).map_err(StorageError::from)?;
        Ok(RegistryImages::new(vec![repository]))
    }

    fn target_digest(&self, tag: &str) -> Result<Option<Digest>, SyncError> {
        let found = self.images(&self.job.target)?.find_image(tag)?;
        Ok(found.map(|document| document.digest))
    }

    fn report(
        &mut self,
        outcome: SyncOutcome,
        parts: Vec<Part>,
        tags: Vec<String>,
        digest: Option<Digest>,
    ) -> SyncReport {
        let is_failed = matches!(outcome, SyncOutcome::Failed(_));
        let platforms = self.job.entry.platforms.iter().zip(parts).zip(&self.found).enumerate();
        let platforms = platforms.map(|(number, ((platform, part), found))| {
            let built = self.built.get(&number).map(|entry| entry.digest);
            let (outcome, digest) = match part {
                Part::Keep(entry, None) => (PlatformSyncOutcome::Unchanged, Some(entry.digest)),
                Part::Keep(entry, Some(error)) => {
                    (PlatformSyncOutcome::Kept(error), Some(entry.digest))
                }
                Part::Build(..) if is_failed => (PlatformSyncOutcome::Skipped, None),
                Part::Build(..) => (PlatformSyncOutcome::Built, built),
                Part::Fail(error) => (PlatformSyncOutcome::Failed(error), None),
            };
            let disk = found.as_ref().ok().cloned();
            PlatformSyncReport { platform: platform.platform.clone(), outcome, disk, digest }
        });
        SyncReport { outcome, tags, digest, platforms: platforms.collect() }
    }

    /// Returns what is told of an image of which nothing could be done.
    fn failed(self, error: SyncError) -> SyncReport {
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

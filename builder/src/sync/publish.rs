//! *Publishing* one image: platforms that differ are built, the others are kept, and the main tag moves
//! last. Just before that it is read again: if another process has moved it meanwhile, everything is
//! compared again.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::attest::BuiltEntry;
use super::detect::{detect_disks, fill_tags};
use super::numbered::NumberedProgress;
use super::plan::{PlatformPlan, plan_platforms};
use super::platform_builder::PlatformBuilder;
use super::published::PublishedImage;
use super::{
    SyncError, SyncJob, SyncMode, SyncOutcome, SyncReport, SyncScope, SyncTools, recipe_digest,
};
use crate::frontend::spec::{FollowedVersions, PlatformsPolicy};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::documents::DocumentError;
use crate::oci::image::json::Document;
use crate::oci::image::platform::Platform;
use crate::oci::image::reference::Reference;
use crate::oci::image::tag::Tag;
use crate::oci::images::Images;
use crate::oci::progress::Progress;
use crate::oci::sink::{NamedImage, Sink};
use crate::recipe::diagnostic::Diagnostic;
use crate::registry::client::{RegistryImages, RegistrySink};
use crate::sbom::changes::GuestPackages;
use crate::signature::signing_sink::SigningSink;
use crate::upstream::{UpstreamDisk, UpstreamError};

/// Maximum number of comparisons, after other processes have moved the tag.
const ATTEMPTS_MAX: usize = 3;

/// Where an image is written.
pub(super) struct SyncSinks<'s> {
    /// Receives what is built; it is signed.
    pub(super) written: &'s dyn Sink,
    /// Receives what is copied from where it is published, and was not checked: it is not signed, unless the key has signed it.
    pub(super) copied: &'s dyn Sink,
}

/// The sync of one image.
pub(super) struct ImageSync<'a> {
    pub(super) job: &'a SyncJob<'a>,
    pub(super) sync: &'a SyncTools<'a>,
    pub(super) progress: NumberedProgress<'a>,
    pub(super) found: Vec<Result<UpstreamDisk, Arc<SyncError>>>,
    /// Images that have been built, by the platform's number.
    pub(super) built: BTreeMap<usize, BuiltEntry>,
    /// The packages in the disks of the images that are replaced, as far as they are known, by the platform's number.
    pub(super) packages_before: BTreeMap<usize, GuestPackages>,
    /// Warnings of the builds.
    pub(super) warnings: Vec<Diagnostic>,
}

impl<'a> ImageSync<'a> {
    pub(super) fn new(job: &'a SyncJob<'a>, number: usize, sync: &'a SyncTools<'a>) -> Self {
        let progress = NumberedProgress::new(sync.progress, number, &job.entry.image);
        let (found, built, warnings) = (Vec::new(), BTreeMap::new(), Vec::new());
        let packages_before = BTreeMap::new();
        Self { job, sync, progress, found, built, packages_before, warnings }
    }

    pub(super) fn run(mut self) -> SyncReport {
        if self.progress.is_cancelled() {
            return self.failed_report(SyncError::Cancelled);
        }
        if let FollowedVersions::All(rule) = &self.job.entry.versions {
            let list = self.job.entry.platforms.first().map(|it| it.release.url.to_string());
            let unread = || UpstreamError::Nothing {
                url: list.unwrap_or_default(),
                wanted: "was looked for: the entry stands for several images".into(),
                near: String::new(),
            };
            return self.failed_report(rule.failure.clone().unwrap_or_else(unread).into());
        }
        self.found = detect_disks(self.job, self.sync);
        let registry = RegistrySink::new(self.sync.registry, 1);
        // What an attempt has written is signed by a later one.
        let names = self.names_before();
        let signing = self
            .sync
            .signer
            .map(|signer| SigningSink::new(&registry, signer).with_names_before(names.iter()));
        let written = signing.as_ref().map_or(&registry as &dyn Sink, |signing| signing);
        let sinks = SyncSinks { written, copied: &registry };
        for _ in 0..ATTEMPTS_MAX {
            match self.attempt(&sinks) {
                Ok(Some(report)) => return report,
                Ok(None) => {}
                Err(error) => return self.failed_report(error),
            }
        }
        self.failed_report(SyncError::Contended)
    }

    /// Returns the names that the images of platforms had where they are copied from.
    fn names_before(&self) -> Vec<Reference> {
        let disks: Vec<&UpstreamDisk> = self.found.iter().flatten().collect();
        let tags = fill_tags(self.job.entry, disks.into_iter(), self.sync.timestamp);
        let tags = tags.unwrap_or_default().into_iter().chain([self.job.entry.main_tag()]);
        tags.map(|tag| self.job.source.with_tag(tag)).collect()
    }

    /// Compares and publishes. `None` means that another process has moved the tag meanwhile.
    fn attempt(&mut self, sinks: &SyncSinks<'_>) -> Result<Option<SyncReport>, SyncError> {
        if self.progress.is_cancelled() {
            return Err(SyncError::Cancelled);
        }
        let entry = self.job.entry;
        let known_by = entry.main_tag();
        let source = self.open_images(&self.job.source)?;
        let platforms: Vec<&Platform> = entry.platforms.iter().map(|it| &it.platform).collect();
        let artifact_type = entry.artifact_type();
        let published =
            PublishedImage::read(&source, known_by.as_str(), &platforms, artifact_type)?;
        let mut plans = plan_platforms(self.job, self.sync, &self.found, published.as_ref())?;
        let tags = self.fill_tags(&plans)?;
        let index_recipe = recipe_digest::index_recipe_digest(entry);
        let is_as_published = published.as_ref().is_some_and(|it| it.has_recipe(&index_recipe));
        if let Some(outcome) = self.outcome_without_build(&plans, is_as_published) {
            let digest = published.map(|published| published.document.digest);
            return Ok(Some(self.report(outcome, plans, tags, digest)));
        }
        if self.sync.mode == SyncMode::DryRun {
            return Ok(Some(self.report(SyncOutcome::WouldPublish, plans, tags, None)));
        }
        let before = match &published {
            _ if self.job.source != self.job.target => self.target_digest(known_by.as_str())?,
            published => published.as_ref().map(|it| it.document.digest),
        };
        self.build_platforms(&mut plans, published.as_ref(), sinks.written)?;
        if self.has_blocking_failure(&plans) {
            let digest = published.map(|published| published.document.digest);
            return Ok(Some(self.report(SyncOutcome::Failed(None), plans, tags, digest)));
        }
        let index = self.push_index(&plans, &source, sinks, &index_recipe)?;
        let now = self.target_digest(known_by.as_str())?;
        if now != before {
            return Ok(None);
        }
        let digest = Some(index.digest);
        // Platforms that failed were kept, and no other was new.
        if now == digest && self.sync.scope == SyncScope::Changed {
            return Ok(Some(self.report(SyncOutcome::Unchanged, plans, tags, digest)));
        }
        self.publish_tags(&index, &tags, sinks.written)?;
        self.find_packages_before(published.as_ref(), &source);
        Ok(Some(self.report(SyncOutcome::Published, plans, tags, digest)))
    }

    /// Returns the outcome if nothing has to be built, or nothing can be.
    fn outcome_without_build(
        &self,
        plans: &[PlatformPlan],
        is_as_published: bool,
    ) -> Option<SyncOutcome> {
        if self.has_blocking_failure(plans) {
            return Some(SyncOutcome::Failed(None));
        }
        let are_kept = plans.iter().all(|plan| matches!(plan, PlatformPlan::Keep(..)));
        if are_kept && is_as_published && self.sync.scope == SyncScope::Changed {
            return Some(SyncOutcome::Unchanged);
        }
        let is_lost = plans.iter().all(|plan| matches!(plan, PlatformPlan::Fail(_)));
        is_lost.then_some(SyncOutcome::Failed(None))
    }

    /// Returns whether a platform has failed without which nothing is published.
    fn has_blocking_failure(&self, plans: &[PlatformPlan]) -> bool {
        self.job.entry.policy == PlatformsPolicy::AllOrNothing
            && plans.iter().any(PlatformPlan::is_error)
    }

    fn fill_tags(&self, plans: &[PlatformPlan]) -> Result<Vec<Tag>, SyncError> {
        let used = plans.iter().zip(&self.found).filter(|(plan, _)| !plan.is_error());
        let disks: Vec<&UpstreamDisk> = used.filter_map(|(_, found)| found.as_ref().ok()).collect();
        if disks.is_empty() {
            return Ok(vec![self.job.entry.main_tag()]);
        }
        fill_tags(self.job.entry, disks.into_iter(), self.sync.timestamp)
    }

    /// Builds the planned images. Depending on the policy, a failure does not stop the other platforms.
    fn build_platforms(
        &mut self,
        plans: &mut [PlatformPlan],
        published: Option<&PublishedImage>,
        sink: &dyn Sink,
    ) -> Result<(), SyncError> {
        for (number, plan) in plans.iter_mut().enumerate() {
            let PlatformPlan::Build(disk, recipe) = plan else { continue };
            if self.built.contains_key(&number) {
                continue;
            }
            let platform = &self.job.entry.platforms[number];
            let maker =
                PlatformBuilder { job: self.job, sync: self.sync, progress: &self.progress, sink };
            match maker.build_image(platform, disk, recipe, &mut self.warnings) {
                Ok(entry) => {
                    self.built.insert(number, entry);
                }
                Err(SyncError::Cancelled) => return Err(SyncError::Cancelled),
                Err(error) => {
                    let entry = published.and_then(|it| it.find_entry(&platform.platform));
                    *plan = PlatformPlan::without_disk(entry, Arc::new(error));
                    if self.job.entry.policy == PlatformsPolicy::AllOrNothing {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    fn publish_tags(
        &self,
        index: &Document,
        tags: &[Tag],
        sink: &dyn Sink,
    ) -> Result<(), SyncError> {
        if self.progress.is_cancelled() {
            return Err(SyncError::Cancelled);
        }
        let image = index.descriptor().map_err(DocumentError::from)?;
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
}

//! The *report* of an image: what was done for each of its platforms.

use super::packages::find_packages;
use super::plan::PlatformPlan;
use super::publish::ImageSync;
use super::published::PublishedImage;
use super::{
    ListedPackages, PlatformSyncOutcome, PlatformSyncReport, SyncError, SyncOutcome, SyncReport,
};
use crate::oci::image::digest::Digest;
use crate::oci::image::tag::Tag;
use crate::oci::images::Images;
use crate::oci::progress::{Progress as _, ProgressEvent};
use crate::sbom::changes::PackageChanges;

impl ImageSync<'_> {
    /// Returns the report of an image that was compared, and perhaps published.
    pub(super) fn report(
        &self,
        outcome: SyncOutcome,
        plans: Vec<PlatformPlan>,
        tags: Vec<Tag>,
        digest: Option<Digest>,
    ) -> SyncReport {
        let is_failed = matches!(outcome, SyncOutcome::Failed(_));
        let platforms = self.job.entry.platforms.iter().zip(plans).zip(&self.found).enumerate();
        let platforms = platforms.map(|(number, ((platform, plan), found))| {
            let built = self.built.get(&number);
            let size = built.map(|built| built.size);
            let built = built.map(|built| built.entry.digest);
            let (outcome, digest) = match plan {
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
            let size = size.filter(|_| matches!(outcome, PlatformSyncOutcome::Built));
            let packages = match outcome {
                PlatformSyncOutcome::Built => self.listed_packages(number),
                _ => None,
            };
            let platform = platform.platform.clone();
            PlatformSyncReport { platform, outcome, disk, digest, size, packages }
        });
        let (platforms, warnings) = (platforms.collect(), self.warnings.clone());
        SyncReport { outcome, tags, digest, platforms, warnings }
    }

    /// Finds out what packages are in the images that were replaced. They are only reported: if they cannot be read, the image
    /// is published nevertheless.
    pub(super) fn find_packages_before(
        &mut self,
        published: Option<&PublishedImage>,
        source: &dyn Images,
    ) {
        let Some(published) = published else { return };
        for (number, built) in &self.built {
            let platform = &self.job.entry.platforms[*number].platform;
            let entry = published.find_entry(platform).filter(|_| built.packages.is_some());
            let Some(entry) = entry else { continue };
            match find_packages(source, &published.document, entry, self.sync.signer) {
                Ok(packages) => {
                    let found = packages.map(|packages| (*number, packages));
                    self.packages_before.extend(found);
                }
                Err(error) => {
                    let why = error.full_message();
                    let note =
                        format!("the packages of the previous {platform} are not known: {why}");
                    self.progress.report(ProgressEvent::Note(&note));
                }
            }
        }
    }

    /// Returns the packages in the disk of an image that was built.
    fn listed_packages(&self, number: usize) -> Option<ListedPackages> {
        let packages = self.built.get(&number)?.packages.as_ref()?;
        let before = self.packages_before.get(&number);
        let changes = before.map(|before| PackageChanges::between(before, packages));
        Some(ListedPackages { count: packages.count(), changes })
    }

    /// Returns the report of an image that failed as a whole.
    pub(super) fn failed_report(self, error: SyncError) -> SyncReport {
        let mut found = self.found.into_iter();
        let platforms = self.job.entry.platforms.iter().map(|platform| {
            let (outcome, disk) = match found.next() {
                Some(Err(error)) => (PlatformSyncOutcome::Failed(error), None),
                Some(Ok(disk)) => (PlatformSyncOutcome::Skipped, Some(disk)),
                None => (PlatformSyncOutcome::Skipped, None),
            };
            let platform = platform.platform.clone();
            let (digest, size, packages) = (None, None, None);
            PlatformSyncReport { platform, outcome, disk, digest, size, packages }
        });
        SyncReport {
            outcome: SyncOutcome::Failed(Some(error)),
            tags: Vec::new(),
            digest: None,
            platforms: platforms.collect(),
            warnings: self.warnings,
        }
    }
}

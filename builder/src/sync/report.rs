//! The *report* of an image: what was done for each of its platforms.

use super::plan::PlatformPlan;
use super::publish::ImageSync;
use super::{PlatformSyncOutcome, PlatformSyncReport, SyncError, SyncOutcome, SyncReport};
use crate::oci::image::digest::Digest;
use crate::oci::image::tag::Tag;

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
            let platform = platform.platform.clone();
            PlatformSyncReport { platform, outcome, disk, digest, size }
        });
        let (platforms, warnings) = (platforms.collect(), self.warnings.clone());
        SyncReport { outcome, tags, digest, platforms, warnings }
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
            PlatformSyncReport { platform, outcome, disk, digest: None, size: None }
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

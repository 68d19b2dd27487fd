//! A *plan* says what to do about an image for one platform: keep the published image, build a new one,
//! or report that there is neither.

use std::sync::Arc;

use super::published::PublishedImage;
use super::{DowngradePolicy, SyncError, SyncJob, SyncScope, SyncTools, recipe_digest};
use crate::oci::image::digest::Digest;
use crate::oci::image::documents::IndexEntry;
use crate::upstream::{UpstreamDisk, version};

/// What to do about one platform.
pub(super) enum PlatformPlan {
    /// Keep the published image; the error says why there is no new one, if there should be.
    Keep(IndexEntry, Option<Arc<SyncError>>),
    /// Build a new image from this disk, by the recipe with this digest.
    Build(UpstreamDisk, Digest),
    /// There is no new image, and none is published.
    Fail(Arc<SyncError>),
}

/// Returns the plan for each platform, in the order of the catalogue.
pub(super) fn plan_platforms(
    job: &SyncJob<'_>,
    sync: &SyncTools<'_>,
    found: &[Result<UpstreamDisk, Arc<SyncError>>],
    published: Option<&PublishedImage>,
) -> Result<Vec<PlatformPlan>, SyncError> {
    let entry = job.entry;
    let mut plans = Vec::new();
    for (platform, found) in entry.platforms.iter().zip(found) {
        let entry = published.and_then(|published| published.find_entry(&platform.platform));
        let disk = match found {
            Ok(disk) => disk,
            Err(error) => {
                plans.push(PlatformPlan::without_disk(entry, Arc::clone(error)));
                continue;
            }
        };
        let recipe = recipe_digest::platform_recipe_digest(platform, job, sync)?;
        let same = published
            .filter(|_| sync.scope == SyncScope::Changed)
            .and_then(|published| published.find_unchanged(&platform.platform, disk, &recipe));
        let older = published.and_then(|it| it.find_version(&platform.platform));
        let older = older.filter(|_| sync.downgrade == DowngradePolicy::Refuse);
        plans.push(match (same, older) {
            (Some(entry), _) => PlatformPlan::Keep(entry.clone(), None),
            (None, Some(published))
                if version::compare_versions(&disk.version, published).is_lt() =>
            {
                let (found, published) = (disk.version.clone(), published.to_owned());
                PlatformPlan::without_disk(entry, Arc::new(SyncError::Older { found, published }))
            }
            (None, _) => PlatformPlan::Build(disk.clone(), recipe),
        });
    }
    Ok(plans)
}

impl PlatformPlan {
    /// Returns the plan for a platform without a new image.
    pub(super) fn without_disk(published: Option<&IndexEntry>, error: Arc<SyncError>) -> Self {
        match published {
            Some(entry) => Self::Keep(entry.clone(), Some(error)),
            None => Self::Fail(error),
        }
    }

    pub(super) fn is_error(&self) -> bool {
        matches!(self, Self::Keep(_, Some(_)) | Self::Fail(_))
    }
}

//! A *part* is what is to become of an image for one platform: what is published stays, or a new one is made,
//! or there is none.

use std::sync::Arc;

use super::published::Published;
use super::{Downgrade, SyncError, SyncJob, SyncScope, SyncTools, recipe};
use crate::oci::image::digest::Digest;
use crate::oci::image::documents::IndexEntry;
use crate::upstream::{UpstreamDisk, version};

/// What is to become of one platform.
pub(super) enum Part {
    /// What is published stays; for a reason, if there should be another.
    Keep(IndexEntry, Option<Arc<SyncError>>),
    /// A new one is made of this disk, by the recipe with this digest.
    Build(UpstreamDisk, Digest),
    /// There is none, nor was there one.
    Fail(Arc<SyncError>),
}

/// Returns what is to become of each platform.
pub(super) fn decide(
    job: &SyncJob<'_>,
    sync: &SyncTools<'_>,
    found: &[Result<UpstreamDisk, Arc<SyncError>>],
    published: Option<&Published>,
) -> Result<Vec<Part>, SyncError> {
    let entry = job.entry;
    let mut parts = Vec::new();
    for (platform, found) in entry.platforms.iter().zip(found) {
        let entry = published.and_then(|published| published.entry(&platform.platform));
        let disk = match found {
            Ok(disk) => disk,
            Err(error) => {
                parts.push(Part::without(entry, Arc::clone(error)));
                continue;
            }
        };
        let recipe = recipe::of_platform(platform, job, sync)?;
        let same = published
            .filter(|_| sync.scope == SyncScope::Changed)
            .and_then(|published| published.unchanged(&platform.platform, disk, &recipe));
        let older = published.and_then(|it| it.version(&platform.platform));
        let older = older.filter(|_| sync.downgrade == Downgrade::Refuse);
        parts.push(match (same, older) {
            (Some(entry), _) => Part::Keep(entry.clone(), None),
            (None, Some(published)) if version::compare(&disk.version, published).is_lt() => {
                let (found, published) = (disk.version.clone(), published.to_owned());
                Part::without(entry, Arc::new(SyncError::Older { found, published }))
            }
            (None, _) => Part::Build(disk.clone(), recipe),
        });
    }
    Ok(parts)
}

impl Part {
    /// What becomes of a platform for which there is nothing new.
    pub(super) fn without(published: Option<&IndexEntry>, error: Arc<SyncError>) -> Self {
        match published {
            Some(entry) => Self::Keep(entry.clone(), Some(error)),
            None => Self::Fail(error),
        }
    }

    pub(super) fn is_error(&self) -> bool {
        matches!(self, Self::Keep(_, Some(_)) | Self::Fail(_))
    }
}

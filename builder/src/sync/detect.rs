//! *Detection* of the disks that upstream has for the platforms of an image, and that can be published
//! together.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{SyncError, SyncJob, SyncTools};
use crate::frontend::spec::{CatalogueEntry, TagTemplate};
use crate::oci::image::tag::Tag;
use crate::upstream::{UpstreamDisk, find_newest_disk, version};

/// Returns upstream's disk for each platform, in the order of the catalogue.
pub(super) fn detect_disks(
    job: &SyncJob<'_>,
    sync: &SyncTools<'_>,
) -> Vec<Result<UpstreamDisk, Arc<SyncError>>> {
    let entry = job.entry;
    let mut found: Vec<Result<UpstreamDisk, Arc<SyncError>>> = entry
        .platforms
        .iter()
        .map(|it| find_newest_disk(&it.release, &it.platform, sync.fetch, job.verify))
        .map(|disk| disk.map_err(|error| Arc::new(error.into())))
        .collect();
    if !names_versions(entry) {
        return found;
    }
    let Some(newest) = newest_of(found.iter().flatten()).map(|disk| disk.version.clone()) else {
        return found;
    };
    for result in &mut found {
        if let Ok(disk) = result
            && version::compare_versions(&disk.version, &newest) == Ordering::Less
        {
            let found = disk.version.clone();
            *result = Err(Arc::new(SyncError::Behind { found, newest: newest.clone() }));
        }
    }
    found
}

/// Returns whether tags name the release: all platforms of such an image must be of the same release.
fn names_versions(entry: &CatalogueEntry) -> bool {
    let mut placeholders = entry.tags.iter().flat_map(TagTemplate::placeholders);
    placeholders.any(|name| name != "timestamp")
}

fn newest_of<'a>(disks: impl Iterator<Item = &'a UpstreamDisk>) -> Option<&'a UpstreamDisk> {
    disks.max_by(|one, other| version::compare_versions(&one.version, &other.version))
}

/// Returns the tags of an image with these disks, in the order in which they are set.
pub(super) fn fill_tags<'a>(
    entry: &CatalogueEntry,
    disks: impl Iterator<Item = &'a UpstreamDisk>,
    stamp: &str,
) -> Result<Vec<Tag>, SyncError> {
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    if let Some(disk) = newest_of(disks) {
        values.extend(disk.groups.clone());
        values.insert("version".into(), disk.version.clone());
    }
    values.insert("timestamp".into(), stamp.to_owned());
    let mut tags = Vec::new();
    for template in &entry.tags {
        let tag = template.fill(&values);
        let tag = tag.map_err(|why| SyncError::Tag { template: template.to_string(), why })?;
        // Two templates may yield the same tag; the last position counts.
        tags.retain(|other| *other != tag);
        tags.push(tag);
    }
    Ok(tags)
}

//! *Sync* follows releases: it looks for the disks that upstream has now, compares them with what a
//! registry has, builds what differs and publishes it. An image that fails keeps no other back, and
//! what is published stays until all that takes its place is there.

mod detect;
mod error;
mod make;
mod numbered;
mod part;
mod publish;
mod published;
mod recipe;
mod shard;

use std::convert::Infallible;
use std::sync::Arc;

pub use self::error::SyncError;
pub use self::shard::{ShardError, SyncShard};

use self::publish::Work;
use crate::engine::cache::LayerCache;
use crate::engine::layer::LayerWorkers;
use crate::engine::source::InputFiles;
use crate::frontend::spec::CatalogueEntry;
use crate::net::http::HttpClient;
use crate::oci::image::digest::Digest;
use crate::oci::image::platform::Platform;
use crate::oci::image::reference::Reference;
use crate::oci::image::time::Timestamp;
use crate::oci::images::ImageOpener;
use crate::oci::parallel::in_parallel;
use crate::oci::progress::Progress;
use crate::registry::client::Registry;
use crate::upstream::{FetchList, UpstreamDisk, UrlRewrite, VerifySignature};

/// What syncing works with.
pub struct SyncTools<'a> {
    /// Fetches upstream's lists.
    pub fetch: &'a dyn FetchList,
    /// Downloads disks.
    pub client: &'a HttpClient,
    /// From where disks are downloaded instead.
    pub rewrites: &'a [UrlRewrite],
    /// Where images are.
    pub registry: &'a Registry,
    /// Opens images that others stand on.
    pub places: &'a dyn ImageOpener,
    /// Compress layers, whatever image they are for.
    pub workers: &'a LayerWorkers,
    /// Spares the work that was done before.
    pub cache: Option<&'a LayerCache>,
    /// Listens.
    pub progress: &'a dyn Progress,
    /// The time of everything in the images.
    pub created: Timestamp,
    /// What `{timestamp}` stands for in tags.
    pub stamp: &'a str,
    /// Whether anything is published.
    pub mode: SyncMode,
    /// What is built.
    pub scope: SyncScope,
    /// What becomes of releases that are older than what is published.
    pub downgrade: Downgrade,
}

/// Whether anything is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncMode {
    /// What differs is.
    Publish,
    /// Nothing is downloaded or written.
    DryRun,
}

/// What is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncScope {
    /// What differs from what is published.
    Changed,
    /// All.
    All,
}

/// What becomes of releases that are older than what is published: somebody may be replaying an old
/// list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Downgrade {
    /// An error.
    Refuse,
    /// They are published.
    Allow,
}

/// One image, and what belongs to it.
pub struct SyncJob<'a> {
    /// What is to be published.
    pub entry: &'a CatalogueEntry,
    /// Checks signatures with the keys beside the catalogue.
    pub verify: &'a dyn VerifySignature,
    /// Opens the files beside the catalogue.
    pub inputs: &'a dyn InputFiles,
    /// The repository that is looked at to see what is published.
    pub source: Reference,
    /// The repository that is written to.
    pub target: Reference,
}

/// What became of an image.
#[derive(Debug)]
pub struct SyncReport {
    /// What became of it as a whole.
    pub outcome: SyncOutcome,
    /// The tags that it has got, or would.
    pub tags: Vec<String>,
    /// Of the index that is there now, if there is one.
    pub digest: Option<Digest>,
    /// In the order of the catalogue.
    pub platforms: Vec<PlatformSyncReport>,
}

/// What became of an image as a whole.
#[derive(Debug)]
pub enum SyncOutcome {
    /// It is there now.
    Published,
    /// It was there.
    Unchanged,
    /// It would be published, were this not a dry run.
    WouldPublish,
    /// It stays as it was. Nothing means that the platforms tell why.
    Failed(Option<SyncError>),
}

/// What became of an image's part for one platform.
#[derive(Debug)]
pub struct PlatformSyncReport {
    /// Which.
    pub platform: Platform,
    /// What became of it.
    pub outcome: PlatformSyncOutcome,
    /// What upstream has, if it could be found.
    pub disk: Option<UpstreamDisk>,
    /// Of its manifest, if there is one now.
    pub digest: Option<Digest>,
}

/// What became of an image's part for one platform.
#[derive(Debug)]
pub enum PlatformSyncOutcome {
    /// It was built, or would be.
    Built,
    /// It is what was published before.
    Unchanged,
    /// There is no new one, so the old one stays.
    Kept(Arc<SyncError>),
    /// There is none.
    Failed(Arc<SyncError>),
    /// Nothing was done about it, since others failed.
    Skipped,
}

impl SyncReport {
    /// Returns all that went wrong, with the platform that it is about.
    pub fn errors(&self) -> impl Iterator<Item = (Option<&Platform>, &SyncError)> {
        let whole = match &self.outcome {
            SyncOutcome::Failed(error) => error.as_ref(),
            _ => None,
        };
        let parts = self.platforms.iter().filter_map(|part| match &part.outcome {
            PlatformSyncOutcome::Kept(error) | PlatformSyncOutcome::Failed(error) => {
                Some((Some(&part.platform), &**error))
            }
            _ => None,
        });
        whole.map(|error| (None, error)).into_iter().chain(parts)
    }
}

/// Syncs all images, up to `width` at a time, and returns what became of each, in order. `done` is told
/// of each as soon as it is.
pub fn run(
    jobs: &[SyncJob<'_>],
    width: usize,
    sync: &SyncTools<'_>,
    done: &(dyn Fn(usize, &SyncReport) + std::marker::Sync),
) -> Vec<SyncReport> {
    let work = |number, job: &SyncJob<'_>| {
        let report = Work::new(job, number, sync).run();
        done(number, &report);
        Ok::<_, Infallible>(report)
    };
    let Ok(reports) = in_parallel(jobs, width, work);
    reports
}

impl std::fmt::Debug for SyncTools<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SyncTools").field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SyncJob<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SyncJob").field("target", &self.target).finish_non_exhaustive()
    }
}

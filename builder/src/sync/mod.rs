//! *Sync* follows releases: it finds the disks that upstream currently publishes, compares them with the
//! images in a registry, builds the images that differ and publishes them. An image that fails does not
//! stop the others, and a published image stays until its replacement is complete.

mod attest;
mod detect;
mod error;
mod index;
mod numbered;
mod packages;
mod plan;
mod platform_builder;
mod publish;
mod published;
mod recipe_digest;
mod report;
mod shard;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::sync::Arc;

pub use self::error::SyncError;
pub use self::published::VERSION;
pub use self::shard::{ShardError, SyncShard};

use self::publish::ImageSync;
use crate::attestation::provenance::BuildClock;
use crate::engine::cache::LayerCache;
use crate::engine::layer::LayerWorkers;
use crate::engine::source::InputFiles;
use crate::frontend::spec::CatalogueEntry;
use crate::net::http::HttpClient;
use crate::oci::image::digest::Digest;
use crate::oci::image::platform::Platform;
use crate::oci::image::reference::Reference;
use crate::oci::image::tag::Tag;
use crate::oci::image::time::Timestamp;
use crate::oci::images::ImageOpener;
use crate::oci::parallel::in_parallel;
use crate::oci::progress::Progress;
use crate::recipe::AttestationKind;
use crate::recipe::diagnostic::Diagnostic;
use crate::registry::client::RegistryClient;
use crate::sbom::changes::PackageChanges;
use crate::signature::signing_sink::Signer;
use crate::upstream::{FetchList, UpstreamDisk, UrlRewrite, VerifySignature};

/// Tools and options of a sync, shared by all images.
pub struct SyncTools<'a> {
    /// Fetches upstream's lists.
    pub fetch: &'a dyn FetchList,
    /// Downloads disks.
    pub client: &'a HttpClient,
    /// Replaces the URLs of disks, e.g. with those of a mirror.
    pub rewrites: &'a [UrlRewrite],
    /// Registry of the images.
    pub registry: &'a RegistryClient,
    /// Opens base images.
    pub opener: &'a dyn ImageOpener,
    /// Compress the layers of all images.
    pub workers: &'a LayerWorkers,
    /// Layers of earlier builds.
    pub cache: Option<&'a LayerCache>,
    /// Receives progress, and reports cancellation.
    pub progress: &'a dyn Progress,
    /// Timestamp of all files and documents of the images.
    pub created: Timestamp,
    /// Signs what is published.
    pub signer: Option<Signer<'a>>,
    /// What is said of all images in attestations, beside what their entries ask for.
    pub attest: &'a BTreeSet<AttestationKind>,
    /// Tells the times of builds, if attestations state them.
    pub clock: Option<BuildClock<'a>>,
    /// Makes a file without a name for a disk whose packages are listed, and that can be read only from front to back.
    pub spool: Option<&'a (dyn Fn() -> io::Result<File> + std::marker::Sync)>,
    /// Value of `{timestamp}` in tags.
    pub timestamp: &'a str,
    /// Whether images are published.
    pub mode: SyncMode,
    /// Which images are built.
    pub scope: SyncScope,
    /// Whether an older release may replace a published one.
    pub downgrade: DowngradePolicy,
}

/// Whether images are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncMode {
    /// Images that differ are built and published.
    Publish,
    /// Nothing is downloaded or written.
    DryRun,
}

/// Which images are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncScope {
    /// Those that differ from the published ones.
    Changed,
    /// All images.
    All,
}

/// Whether an older release may replace a published one: an attacker may be replaying an old list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DowngradePolicy {
    /// An older release is an error.
    Refuse,
    /// An older release is published.
    Allow,
}

/// One image to sync.
pub struct SyncJob<'a> {
    /// Catalogue entry of the image.
    pub entry: &'a CatalogueEntry,
    /// Checks signatures, with the keyrings of the catalogue.
    pub verify: &'a dyn VerifySignature,
    /// Opens the files of the catalogue.
    pub inputs: &'a dyn InputFiles,
    /// Repository that has the currently published image.
    pub source: Reference,
    /// Repository that the image is pushed to.
    pub target: Reference,
}

/// Result of syncing an image.
#[derive(Debug)]
pub struct SyncReport {
    /// Result for the image as a whole.
    pub outcome: SyncOutcome,
    /// Tags that were set, or would be.
    pub tags: Vec<Tag>,
    /// Digest of the index that is published now, if there is one.
    pub digest: Option<Digest>,
    /// Results per platform, in the order of the catalogue.
    pub platforms: Vec<PlatformSyncReport>,
    /// Warnings about the disks that were built.
    pub warnings: Vec<Diagnostic>,
}

/// Result of syncing an image as a whole.
#[derive(Debug)]
pub enum SyncOutcome {
    /// The image was published.
    Published,
    /// The published image is up to date.
    Unchanged,
    /// The image would be published if this were not a dry run.
    WouldPublish,
    /// The published image stays as it was. `None` means that the platforms have the errors.
    Failed(Option<SyncError>),
}

/// Result of syncing an image for one platform.
#[derive(Debug)]
pub struct PlatformSyncReport {
    /// The platform.
    pub platform: Platform,
    /// What was done.
    pub outcome: PlatformSyncOutcome,
    /// Upstream's disk, if it was found.
    pub disk: Option<UpstreamDisk>,
    /// Digest of the platform's manifest, if there is one now.
    pub digest: Option<Digest>,
    /// Sum of the sizes of the layers in bytes, if the image was built.
    pub size: Option<u64>,
    /// The packages in the disk of the image that was built, if they are listed.
    pub packages: Option<ListedPackages>,
}

/// The packages in the disk of an image that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPackages {
    /// Number of the packages.
    pub count: usize,
    /// The changes from the image that was published before, if its packages are known.
    pub changes: Option<PackageChanges>,
}

/// What was done for one platform of an image.
#[derive(Debug)]
pub enum PlatformSyncOutcome {
    /// A new image was built, or would be.
    Built,
    /// The published image is up to date.
    Unchanged,
    /// There is no new image, so the published one stays.
    Kept(Arc<SyncError>),
    /// There is neither a new image nor a published one.
    Failed(Arc<SyncError>),
    /// Nothing was done, since other platforms failed.
    Skipped,
}

impl SyncReport {
    /// Returns whether there are errors, and all of them may be gone in a later run.
    pub fn is_temporary(&self) -> bool {
        let mut errors = self.errors().peekable();
        errors.peek().is_some() && errors.all(|(_, error)| error.is_temporary())
    }

    /// Returns all errors, each with its platform if it concerns a single one.
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

/// Syncs all images, up to `width` at a time, and returns their results in order. `done` is called for
/// each image as soon as it is finished.
pub fn sync_images(
    jobs: &[SyncJob<'_>],
    width: usize,
    sync: &SyncTools<'_>,
    done: &(dyn Fn(usize, &SyncReport) + std::marker::Sync),
) -> Vec<SyncReport> {
    let work = |number, job: &SyncJob<'_>| {
        let report = ImageSync::new(job, number, sync).run();
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

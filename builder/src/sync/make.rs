//! How one platform's image is *made* of the disk that upstream has.

use std::collections::BTreeMap;

use super::published::{RECIPE_DIGEST, SOURCE_DIGEST, SOURCE_URL, VERSION};
use super::{SyncError, SyncJob, SyncTools};
use crate::engine::assemble::{BuildOptions, BuildPlan, BuildSources, PlatformTags};
use crate::engine::source::{CdiOnlyPolicy, UnverifiedPolicy};
use crate::frontend::spec::CataloguePlatform;
use crate::oci::image::digest::Digest;
use crate::oci::image::documents::IndexEntry;
use crate::oci::image::format::ImageFormat;
use crate::oci::progress::Progress;
use crate::oci::sink::Sink;
use crate::recipe::Recipe;
use crate::upstream::UpstreamDisk;

/// What images are made with.
pub(super) struct Maker<'a> {
    pub(super) job: &'a SyncJob<'a>,
    pub(super) sync: &'a SyncTools<'a>,
    pub(super) progress: &'a dyn Progress,
    pub(super) sink: &'a dyn Sink,
}

impl Maker<'_> {
    /// Makes it, and puts all of it but a name.
    pub(super) fn make(
        &self,
        platform: &CataloguePlatform,
        disk: &UpstreamDisk,
        recipe: &Digest,
    ) -> Result<IndexEntry, SyncError> {
        let sync = self.sync;
        let marks = marks(disk, recipe);
        let mut made = platform.recipe(disk, sync.rewrites);
        made.annotations.clone_from(&marks);
        let recipes = [Recipe {
            names: vec![self.job.target.clone()],
            platforms: vec![made],
            annotations: self.job.entry.annotations.clone(),
        }];
        let sources = BuildSources {
            inputs: self.job.inputs,
            client: sync.client,
            unverified: UnverifiedPolicy::Refuse,
            cdi_only: CdiOnlyPolicy::Refuse,
            places: sync.places,
        };
        let options = BuildOptions {
            workers: sync.workers,
            sink: self.sink,
            cache: sync.cache,
            progress: self.progress,
            created: sync.created,
            platform_tags: PlatformTags::None,
            format: ImageFormat::Oci,
        };
        let plan = BuildPlan::new(&recipes, &sources);
        let plan = plan.map_err(|mut errors| SyncError::from(errors.swap_remove(0)))?;
        let mut built = plan.build_platforms(&options)?;
        // One platform was asked for.
        Ok(built.swap_remove(0).index_entry(marks))
    }
}

/// Returns the annotations that say what an image was made of.
fn marks(disk: &UpstreamDisk, recipe: &Digest) -> BTreeMap<String, String> {
    let mut marks = BTreeMap::from([
        (SOURCE_URL.to_owned(), disk.shown_url()),
        (SOURCE_DIGEST.to_owned(), disk.checksum.to_string()),
        (RECIPE_DIGEST.to_owned(), recipe.to_string()),
    ]);
    if !disk.version.is_empty() {
        marks.insert(VERSION.to_owned(), disk.version.clone());
    }
    marks
}

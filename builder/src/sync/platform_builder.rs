//! How one platform's image is *made* of the disk that upstream has.

use std::collections::{BTreeMap, BTreeSet};

use super::attest::{self, BuiltEntry};
use super::packages::attach_packages;
use super::published::{RECIPE_DIGEST, SOURCE_DIGEST, SOURCE_URL, VERSION};
use super::{SyncError, SyncJob, SyncTools};
use crate::attestation::attach::AttestationForm;
use crate::engine::assemble::{AttestOptions, BuildOptions, BuildPlan, BuildSources, PlatformTags};
use crate::engine::source::{CdiOnlyPolicy, FileNaming, UnverifiedPolicy};
use crate::frontend::spec::CataloguePlatform;
use crate::oci::image::digest::Digest;
use crate::oci::image::format::ImageFormat;
use crate::oci::progress::Progress;
use crate::oci::sink::Sink;
use crate::recipe::diagnostic::Diagnostic;
use crate::recipe::{AttestationKind, Recipe};
use crate::upstream::UpstreamDisk;

/// Builds the images of an image's platforms.
pub(super) struct PlatformBuilder<'a> {
    pub(super) job: &'a SyncJob<'a>,
    pub(super) sync: &'a SyncTools<'a>,
    pub(super) progress: &'a dyn Progress,
    pub(super) sink: &'a dyn Sink,
}

impl PlatformBuilder<'_> {
    /// Builds a platform's image, and pushes it without a tag. Adds the warnings of the build.
    pub(super) fn build_image(
        &self,
        platform: &CataloguePlatform,
        disk: &UpstreamDisk,
        recipe: &Digest,
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<BuiltEntry, SyncError> {
        let sync = self.sync;
        let annotations = source_annotations(disk, recipe);
        let mut renamed = Vec::new();
        let mut made = platform.recipe_with_disk(disk, sync.rewrites, &mut renamed);
        made.annotations.clone_from(&annotations);
        let (stated, listed) =
            (attest::kinds(self.job, sync), BTreeSet::from([AttestationKind::Sbom]));
        let recipes = [Recipe {
            names: vec![self.job.target.clone()],
            platforms: vec![made],
            annotations: self.job.entry.annotations.clone(),
            index_annotations: BTreeMap::new(),
            subject: None,
            // Its packages are listed when it is there.
            attest: stated.difference(&listed).copied().collect(),
            warnings: renamed,
        }];
        let sources = BuildSources {
            inputs: self.job.inputs,
            client: sync.client,
            unverified: UnverifiedPolicy::Refuse,
            cdi_only: CdiOnlyPolicy::Refuse,
            spool: None,
            base_images: sync.opener,
        };
        let options = BuildOptions {
            workers: sync.workers,
            sink: self.sink,
            cache: sync.cache,
            progress: self.progress,
            created: sync.created,
            platform_tags: PlatformTags::None,
            format: ImageFormat::Oci,
            attest: Some(&AttestOptions {
                parameters: &attest::parameters(self.job, recipe),
                clock: sync.clock,
                files: FileNaming::Paths,
                form: AttestationForm::Attached,
                key: sync.signer.map(|signer| (signer.key, signer.format)),
            }),
        };
        let plan = BuildPlan::new(&recipes, &sources);
        let plan = plan.map_err(|mut errors| SyncError::from(errors.swap_remove(0)))?;
        warnings.extend(plan.warnings());
        // The recipe has one platform.
        let built = plan.build_platforms(&options)?.swap_remove(0);
        let is_listed = stated.contains(&AttestationKind::Sbom);
        let job = (self.job, sync);
        let list = || attach_packages(&built.manifest, job, self.sink, self.progress);
        let packages = is_listed.then(list).transpose()?.flatten();
        let size = built.layers.iter().map(|layer| layer.size).sum();
        let entry = built.index_entry(annotations);
        Ok(BuiltEntry { entry, size, resources: built.resources, packages })
    }
}

/// Returns the annotations that record what an image was built from.
fn source_annotations(disk: &UpstreamDisk, recipe: &Digest) -> BTreeMap<String, String> {
    let mut annotations = BTreeMap::from([
        (SOURCE_URL.to_owned(), disk.shown_url()),
        (SOURCE_DIGEST.to_owned(), disk.checksum.to_string()),
        (RECIPE_DIGEST.to_owned(), recipe.to_string()),
    ]);
    if !disk.version.is_empty() {
        annotations.insert(VERSION.to_owned(), disk.version.clone());
    }
    annotations
}

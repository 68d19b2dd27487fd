//! A *build* makes images from recipes. It opens all sources and refuses unusable ones, builds the
//! layers that do not exist yet, writes the documents, and publishes the names last.

mod attest;
mod bases;
mod documents;
mod error;
mod known_layers;
mod layers;
mod open;
mod refused_source;
mod source_help;
mod subjects;
mod warnings;

use std::collections::BTreeMap;
use std::sync::Arc;

use cap_std::fs::Dir;

use crate::oci::image::reference::Reference;

pub use attest::{AttestOptions, DiskPackages};
pub use error::BuildError;
pub use open::unpack_download;

use self::layers::LayerJob;
use crate::attestation::resource::ResourceDescriptor;
use crate::engine::cache::LayerCache;
use crate::engine::layer::LayerWorkers;
use crate::engine::source::{CdiOnlyPolicy, ImageRoots, InputFiles, UnverifiedPolicy};
use crate::net::http::HttpClient;
use crate::oci::image::digest::Digest;
use crate::oci::image::documents::IndexEntry;
use crate::oci::image::format::ImageFormat;
use crate::oci::image::json::Document;
use crate::oci::image::layer::FinishedLayer;
use crate::oci::image::platform::Platform;
use crate::oci::image::time::Timestamp;
use crate::oci::images::ImageOpener;
use crate::oci::progress::Progress;
use crate::oci::sink::Sink;
use crate::recipe::Recipe;
use crate::recipe::diagnostic::Diagnostic;

/// What a build reads: files, downloads and base images.
#[derive(Clone, Copy)]
pub struct BuildSources<'a> {
    /// Opens the files that recipes name.
    pub inputs: &'a dyn InputFiles,
    /// Fetches the URLs that recipes name.
    pub client: &'a HttpClient,
    /// What to do with downloads that have no checksum.
    pub unverified: UnverifiedPolicy,
    /// What to do with disks that CDI takes and KubeVirt does not.
    pub cdi_only: CdiOnlyPolicy,
    /// Directory for files that disks are written to that can be read only from front to back, if they
    /// are converted. Without it they are refused.
    pub spool: Option<&'a Dir>,
    /// Opens the base images of recipes.
    pub base_images: &'a dyn ImageOpener,
}

/// How a build makes images, and where it writes them.
pub struct BuildOptions<'a> {
    /// Threads and memory that layers are compressed with.
    pub workers: &'a LayerWorkers,
    /// Receives the images.
    pub sink: &'a dyn Sink,
    /// Cache of layers that were built before; without it all layers are built.
    pub cache: Option<&'a LayerCache>,
    /// Receives the progress, and can cancel.
    pub progress: &'a dyn Progress,
    /// Timestamp of all files and documents in the images.
    pub created: Timestamp,
    /// Whether each platform gets tags of its own.
    pub platform_tags: PlatformTags,
    /// Family of media types of the documents.
    pub format: ImageFormat,
    /// How attestations are written; without it none are.
    pub attest: Option<&'a AttestOptions<'a>>,
}

/// Whether each platform's image gets tags of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlatformTags {
    /// Only the index has tags.
    None,
    /// Each platform has a tag such as `42-amd64` beside `42`: a virtual machine of another
    /// architecture than its node cannot select an image from an index.
    Architecture,
}

/// A finished image.
#[derive(Debug, Clone)]
pub struct BuiltImage {
    /// Index of all platforms.
    pub index: Document,
    /// Names of the recipe.
    pub names: Vec<Reference>,
    /// Images of the platforms, in the order of the recipe.
    pub platforms: Vec<BuiltPlatform>,
}

/// A finished image of one platform.
#[derive(Debug, Clone)]
pub struct BuiltPlatform {
    /// Platform of the image.
    pub platform: Platform,
    /// Manifest of the image.
    pub manifest: Document,
    /// Digest of its config.
    pub config: Digest,
    /// Layers that were made for it, lowest first.
    pub layers: Vec<FinishedLayer>,
    /// What it was built from, if that was asked for.
    pub resources: Vec<ResourceDescriptor>,
    /// The packages in its disks, if they are listed.
    pub packages: Vec<DiskPackages>,
}

impl BuiltPlatform {
    /// Returns the entry that an index has for it.
    pub(crate) fn index_entry(&self, annotations: BTreeMap<String, String>) -> IndexEntry {
        IndexEntry::new(&self.manifest, self.platform.clone(), annotations)
    }
}

/// Recipes whose sources are open. What can be refused without reading the sources has been
/// refused.
pub struct BuildPlan<'a> {
    recipes: &'a [Recipe],
    jobs: Vec<LayerJob<'a>>,
    subjects: Vec<Option<Document>>,
    /// Images that disks are taken out of.
    roots: Arc<ImageRoots>,
    base_images: &'a dyn ImageOpener,
}

impl<'a> BuildPlan<'a> {
    /// Opens the sources of all recipes, and finds the images that they refer to.
    pub fn new(recipes: &'a [Recipe], inputs: &BuildSources<'a>) -> Result<Self, Vec<BuildError>> {
        let roots = Arc::default();
        let jobs = open::open_layers(recipes, inputs, &roots)?;
        let subjects = subjects::find_subjects(recipes, inputs.base_images);
        let subjects =
            subjects.map_err(|all| all.into_iter().map(BuildError::from).collect::<Vec<_>>())?;
        Ok(Self { recipes, jobs, subjects, roots, base_images: inputs.base_images })
    }

    /// Returns the warnings of the recipes and about the disks: each once, however many platforms
    /// have it.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let recipes = self.recipes.iter().flat_map(|recipe| &recipe.warnings).cloned();
        let mut warnings = Vec::new();
        for warning in recipes.chain(self.jobs.iter().flat_map(warnings::layer_warnings)) {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        warnings
    }

    /// Builds the images and publishes all of them, or none.
    pub fn build(self, options: &BuildOptions<'_>) -> Result<Vec<BuiltImage>, BuildError> {
        subjects::check_subjects(self.recipes, &self.subjects, options.sink)?;
        let facts = attest::read_facts(self.recipes, &self.jobs, &self.roots, options)?;
        bases::copy_base_layers(self.recipes, self.base_images, options)?;
        let layers = layers::make_layers(self.jobs, options)?;
        let layers = layers.into_iter().zip(facts);
        documents::publish_images(self.recipes, &self.subjects, layers, options)
    }

    /// Builds the images of all platforms and publishes nothing; no index lists them yet.
    pub(crate) fn build_platforms(
        self,
        options: &BuildOptions<'_>,
    ) -> Result<Vec<BuiltPlatform>, BuildError> {
        let facts = attest::read_facts(self.recipes, &self.jobs, &self.roots, options)?;
        bases::copy_base_layers(self.recipes, self.base_images, options)?;
        let layers = layers::make_layers(self.jobs, options)?;
        let mut layers = layers.into_iter().zip(facts);
        let mut built = Vec::new();
        for recipe in self.recipes {
            let platforms = documents::write_platforms(recipe, &mut layers, options)?;
            for (platform, recipe_of) in platforms.iter().zip(&recipe.platforms) {
                attest::attest_platform(platform, (recipe, recipe_of), options)?;
            }
            built.extend(platforms);
        }
        Ok(built)
    }
}

impl std::fmt::Debug for BuildSources<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BuildSources").field("unverified", &self.unverified).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for BuildPlan<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BuildPlan").field("recipes", &self.recipes).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for BuildOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BuildOptions").field("created", &self.created).finish_non_exhaustive()
    }
}

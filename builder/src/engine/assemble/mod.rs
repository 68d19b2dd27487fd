//! A *build* makes the images of recipes: it opens all sources first and refuses what it can, then
//! makes the layers that are not there yet, then the documents, and last of all the names.

mod bases;
mod error;
mod layers;
mod warnings;

use std::collections::BTreeMap;

use crate::oci::image::reference::Reference;
use oci_spec::image::MediaType;

pub use error::{BuildError, RefusedSource};

use self::layers::LayerJob;
use crate::engine::cache::LayerCache;
use crate::engine::layer::Workers;
use crate::engine::layer::compression::Compression;
use crate::engine::source::{CdiOnly, Inputs, Unverified};
use crate::net::http::HttpClient;
use crate::oci::image::digest::Digest;
use crate::oci::image::documents::{self, DocumentError, IndexEntry, LayerDescriptor};
use crate::oci::image::format::Format;
use crate::oci::image::json::Document;
use crate::oci::image::layer::Layer;
use crate::oci::image::platform::Platform;
use crate::oci::image::time::Timestamp;
use crate::oci::images::Places;
use crate::oci::progress::Progress;
use crate::oci::sink::{Named, Sink};
use crate::recipe::diagnostic::Diagnostic;
use crate::recipe::{PlatformRecipe, Recipe, RecipeStep};

/// What a build reads from.
#[derive(Clone, Copy)]
pub struct BuildSources<'a> {
    /// Opens the files that recipes name.
    pub inputs: &'a dyn Inputs,
    /// Fetches the URLs that recipes name.
    pub client: &'a HttpClient,
    /// What to do with downloads that have no checksum.
    pub unverified: Unverified,
    /// What to do with disks that CDI takes and KubeVirt does not.
    pub cdi_only: CdiOnly,
    /// Opens the base images of recipes.
    pub places: &'a dyn Places,
}

/// How a build makes images, and where they go.
pub struct BuildOptions<'a> {
    /// Threads that compress.
    pub workers: &'a Workers,
    /// Receives the images.
    pub sink: &'a dyn Sink,
    /// Layers that were made before; without it all are made anew.
    pub cache: Option<&'a LayerCache>,
    /// Receives the progress, and can cancel.
    pub progress: &'a dyn Progress,
    /// Time of everything in the images.
    pub created: Timestamp,
    /// Names besides those of the recipes.
    pub platform_tags: PlatformTags,
    /// Family of media types of the documents.
    pub format: Format,
}

/// Whether each platform's image gets names of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlatformTags {
    /// Only the index has names.
    None,
    /// `42-amd64` beside `42`: virtual machines of another architecture than their node cannot
    /// choose from an index.
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
    pub layers: Vec<Layer>,
}

impl BuiltPlatform {
    /// Returns the entry that an index has for it.
    pub fn index_entry(&self, annotations: BTreeMap<String, String>) -> IndexEntry {
        IndexEntry::new(&self.manifest, self.platform.clone(), annotations)
    }
}

/// Recipes whose sources are opened: what can be refused without reading them was.
pub struct BuildPlan<'a> {
    recipes: &'a [Recipe],
    jobs: Vec<LayerJob<'a>>,
    places: &'a dyn Places,
}

impl<'a> BuildPlan<'a> {
    /// Opens the sources of all recipes.
    pub fn new(recipes: &'a [Recipe], inputs: &BuildSources<'a>) -> Result<Self, Vec<BuildError>> {
        Ok(Self { recipes, jobs: layers::open(recipes, inputs)?, places: inputs.places })
    }

    /// Returns the warnings about the disks: each once, however many platforms have it.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let mut warnings = Vec::new();
        for warning in self.jobs.iter().flat_map(warnings::of_layer) {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        warnings
    }

    /// Builds the images and publishes all of them, or none.
    pub fn build(self, options: &BuildOptions<'_>) -> Result<Vec<BuiltImage>, BuildError> {
        bases::put(self.recipes, self.places, options)?;
        let layers = layers::make(self.jobs, options)?;
        finish(self.recipes, layers, options)
    }

    /// Builds the images of all platforms and publishes nothing: no index names them yet.
    pub fn platforms(self, options: &BuildOptions<'_>) -> Result<Vec<BuiltPlatform>, BuildError> {
        bases::put(self.recipes, self.places, options)?;
        let mut layers = layers::make(self.jobs, options)?.into_iter();
        let all = self.recipes.iter().map(|recipe| platforms(recipe, &mut layers, options));
        Ok(all.collect::<Result<Vec<_>, _>>()?.concat())
    }
}

/// Composes and publishes; `layers` are those of all platforms of all recipes, in order.
fn finish(
    recipes: &[Recipe],
    layers: Vec<Layer>,
    options: &BuildOptions<'_>,
) -> Result<Vec<BuiltImage>, BuildError> {
    let mut layers = layers.into_iter();
    let images = recipes.iter().map(|recipe| compose(recipe, &mut layers, options));
    let images = images.collect::<Result<Vec<_>, _>>()?;
    let names = images.iter().map(|image| names(image, options.platform_tags));
    let names = names.collect::<Result<Vec<_>, _>>()?.concat();
    if options.progress.is_cancelled() {
        return Err(BuildError::Cancelled);
    }
    options.sink.publish(&names)?;
    Ok(images)
}

/// Writes the documents of an image.
fn compose(
    recipe: &Recipe,
    layers: &mut impl Iterator<Item = Layer>,
    options: &BuildOptions<'_>,
) -> Result<BuiltImage, BuildError> {
    let platforms = platforms(recipe, layers, options)?;
    let entries: Vec<IndexEntry> =
        platforms.iter().map(|built| built.index_entry(BTreeMap::new())).collect();
    let index = documents::index(options.format, &entries, &recipe.annotations)?;
    options.sink.put(&index, &recipe.names)?;
    Ok(BuiltImage { index, names: recipe.names.clone(), platforms })
}

/// Writes the manifests of an image's platforms.
fn platforms(
    recipe: &Recipe,
    layers: &mut impl Iterator<Item = Layer>,
    options: &BuildOptions<'_>,
) -> Result<Vec<BuiltPlatform>, BuildError> {
    let mut platforms = Vec::new();
    for platform in &recipe.platforms {
        let layers: Vec<Layer> = layers.take(platform.layers().count()).collect();
        let config = config(platform, &layers, options)?;
        let entries = layer_entries(platform, &layers, options.workers.compression());
        let mut annotations = platform.annotations.clone();
        annotations.extend(recipe.annotations.clone());
        let manifest = documents::manifest(options.format, &config, &entries, &annotations)?;
        options.sink.put(&config, &recipe.names)?;
        options.sink.put(&manifest, &recipe.names)?;
        let (platform, config) = (platform.platform.clone(), config.digest);
        platforms.push(BuiltPlatform { platform, manifest, config, layers });
    }
    Ok(platforms)
}

/// Completes a platform's config. Tools that convert images refuse one without a history entry for
/// each layer.
fn config(
    platform: &PlatformRecipe,
    layers: &[Layer],
    options: &BuildOptions<'_>,
) -> Result<Document, DocumentError> {
    let mut config = platform.config.clone();
    let mut layers = layers.iter();
    for step in &platform.steps {
        let (history, layer) = match step {
            RecipeStep::Layer(recipe) => (&recipe.history, layers.next()),
            RecipeStep::Config { history } => (history, None),
        };
        config.push(options.created, history, layer.map(|layer| layer.diff_id));
    }
    let media_type = options.format.media_type(&MediaType::ImageConfig);
    Ok(Document::new(media_type, &config.finish(options.created))?)
}

/// Returns all layers of an image, those of its base first.
fn layer_entries(
    platform: &PlatformRecipe,
    layers: &[Layer],
    compression: Compression,
) -> Vec<LayerDescriptor> {
    let base = platform.base.iter().flat_map(|base| &base.layers).map(|layer| LayerDescriptor {
        media_type: MediaType::from(layer.media_type.as_str()),
        digest: layer.digest,
        size: layer.size,
    });
    let own = layers.iter().map(|layer| LayerDescriptor {
        media_type: media_type(compression),
        digest: layer.digest,
        size: layer.size,
    });
    base.chain(own).collect()
}

fn media_type(compression: Compression) -> MediaType {
    match compression {
        Compression::Gzip(_) => MediaType::ImageLayerGzip,
        Compression::Zstd(_) => MediaType::ImageLayerZstd,
        Compression::None => MediaType::ImageLayer,
    }
}

/// Returns the names that the sink gives an image.
fn names(image: &BuiltImage, platform_tags: PlatformTags) -> Result<Vec<Named>, BuildError> {
    let unnamed = image.names.is_empty().then_some(None);
    let names: Vec<Option<&Reference>> = image.names.iter().map(Some).chain(unnamed).collect();
    let index = image.index.plain_descriptor().map_err(DocumentError::from)?;
    let mut all: Vec<Named> = names
        .iter()
        .map(|name| Named { image: index.clone(), name: name.cloned(), tag: None })
        .collect();
    if platform_tags == PlatformTags::None {
        return Ok(all);
    }
    for platform in &image.platforms {
        let descriptor = platform
            .manifest
            .descriptor()
            .platform(documents::oci_platform(&platform.platform).map_err(DocumentError::from)?)
            .build()
            .map_err(DocumentError::from)?;
        let suffix = tag_suffix(&platform.platform);
        all.extend(names.iter().flatten().map(|name| {
            let tag = format!("{}-{suffix}", name.tag().unwrap_or("latest"));
            let name = name.with_tag(tag);
            Named { image: descriptor.clone(), name: Some(name), tag: None }
        }));
    }
    Ok(all)
}

/// `amd64`, or `arm-v7` where there is a variant.
fn tag_suffix(platform: &Platform) -> String {
    let variant = platform.variant.iter().map(|variant| format!("-{variant}"));
    variant.fold(platform.architecture.clone(), |suffix, variant| suffix + &variant)
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

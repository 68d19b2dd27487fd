//! A *build* makes the images of recipes: it opens all sources first and refuses what it can, then
//! makes the layers that are not there yet, then the documents, and last of all the names.

mod bases;
mod doubts;
mod error;
mod layers;

use std::collections::BTreeMap;

use crate::oci::image::reference::Reference;
use oci_spec::image::MediaType;

pub use error::BuildError;

use self::layers::LayerJob;
use crate::engine::cache::Cache;
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
pub struct Sources<'a> {
    /// Opens the files that recipes name.
    pub inputs: &'a dyn Inputs,
    /// Fetches the URLs that recipes name.
    pub client: &'a HttpClient,
    /// What to do with downloads that have no checksum.
    pub unverified: Unverified,
    /// What to do with disks that CDI takes and KubeVirt does not.
    pub cdi_only: CdiOnly,
    /// Opens the images that recipes stand on.
    pub places: &'a dyn Places,
}

/// What a build works with.
pub struct Context<'a> {
    /// Compresses.
    pub workers: &'a Workers,
    /// Takes the images.
    pub sink: &'a dyn Sink,
    /// Spares the work that was done before; nothing means that all is done anew.
    pub cache: Option<&'a Cache>,
    /// Listens.
    pub progress: &'a dyn Progress,
    /// The time of everything in the images.
    pub created: Timestamp,
    /// Which names there are besides those of the recipes.
    pub platform_tags: PlatformTags,
    /// Which family of media types the documents have.
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
pub struct Built {
    /// The index of all platforms.
    pub index: Document,
    /// Those of the recipe.
    pub names: Vec<Reference>,
    /// In the order of the recipe.
    pub platforms: Vec<BuiltPlatform>,
}

/// A finished image of one platform.
#[derive(Debug, Clone)]
pub struct BuiltPlatform {
    /// What it runs on.
    pub platform: Platform,
    /// Its manifest.
    pub manifest: Document,
    /// Of its config.
    pub config: Digest,
    /// Lowest first.
    pub layers: Vec<Layer>,
}

impl BuiltPlatform {
    /// Returns what an index says of it.
    pub fn index_entry(&self, annotations: BTreeMap<String, String>) -> IndexEntry {
        IndexEntry::new(&self.manifest, self.platform.clone(), annotations)
    }
}

/// Recipes whose sources are open: what can be refused without reading them has been.
pub struct Plan<'a> {
    recipes: &'a [Recipe],
    jobs: Vec<LayerJob<'a>>,
    places: &'a dyn Places,
}

impl<'a> Plan<'a> {
    /// Opens the sources of all recipes.
    pub fn new(recipes: &'a [Recipe], inputs: &Sources<'a>) -> Result<Self, Vec<BuildError>> {
        Ok(Self { recipes, jobs: layers::open(recipes, inputs)?, places: inputs.places })
    }

    /// Returns what may be meant so, and more likely is not: each is told once, however many
    /// platforms have it.
    pub fn doubts(&self) -> Vec<Diagnostic> {
        let mut doubts = Vec::new();
        for doubt in self.jobs.iter().flat_map(doubts::of) {
            if !doubts.contains(&doubt) {
                doubts.push(doubt);
            }
        }
        doubts
    }

    /// Builds the images and publishes all of them, or none.
    pub fn build(self, context: &Context<'_>) -> Result<Vec<Built>, BuildError> {
        bases::put(self.recipes, self.places, context)?;
        let layers = layers::make(self.jobs, context)?;
        finish(self.recipes, layers, context)
    }

    /// Builds the images of all platforms and publishes nothing: no index names them yet.
    pub fn platforms(self, context: &Context<'_>) -> Result<Vec<BuiltPlatform>, BuildError> {
        bases::put(self.recipes, self.places, context)?;
        let mut layers = layers::make(self.jobs, context)?.into_iter();
        let all = self.recipes.iter().map(|recipe| platforms(recipe, &mut layers, context));
        Ok(all.collect::<Result<Vec<_>, _>>()?.concat())
    }
}

/// Composes and publishes; `layers` are those of all platforms of all recipes, in order.
fn finish(
    recipes: &[Recipe],
    layers: Vec<Layer>,
    context: &Context<'_>,
) -> Result<Vec<Built>, BuildError> {
    let mut layers = layers.into_iter();
    let images = recipes.iter().map(|recipe| compose(recipe, &mut layers, context));
    let images = images.collect::<Result<Vec<_>, _>>()?;
    let names = images.iter().map(|image| names(image, context.platform_tags));
    let names = names.collect::<Result<Vec<_>, _>>()?.concat();
    if context.progress.is_cancelled() {
        return Err(BuildError::Cancelled);
    }
    context.sink.publish(&names)?;
    Ok(images)
}

/// Writes the documents of an image.
fn compose(
    recipe: &Recipe,
    layers: &mut impl Iterator<Item = Layer>,
    context: &Context<'_>,
) -> Result<Built, BuildError> {
    let platforms = platforms(recipe, layers, context)?;
    let entries: Vec<IndexEntry> =
        platforms.iter().map(|built| built.index_entry(BTreeMap::new())).collect();
    let index = documents::index(context.format, &entries, &recipe.annotations)?;
    context.sink.put(&index, &recipe.names)?;
    Ok(Built { index, names: recipe.names.clone(), platforms })
}

/// Writes the manifests of an image's platforms.
fn platforms(
    recipe: &Recipe,
    layers: &mut impl Iterator<Item = Layer>,
    context: &Context<'_>,
) -> Result<Vec<BuiltPlatform>, BuildError> {
    let mut platforms = Vec::new();
    for platform in &recipe.platforms {
        let layers: Vec<Layer> = layers.take(platform.layers().count()).collect();
        let config = config(platform, &layers, context)?;
        let entries = layer_entries(platform, &layers, context.workers.compression());
        let mut annotations = platform.annotations.clone();
        annotations.extend(recipe.annotations.clone());
        let manifest = documents::manifest(context.format, &config, &entries, &annotations)?;
        context.sink.put(&config, &recipe.names)?;
        context.sink.put(&manifest, &recipe.names)?;
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
    context: &Context<'_>,
) -> Result<Document, DocumentError> {
    let mut config = platform.config.clone();
    let mut layers = layers.iter();
    for step in &platform.steps {
        let (history, layer) = match step {
            RecipeStep::Layer(recipe) => (&recipe.history, layers.next()),
            RecipeStep::Config { history } => (history, None),
        };
        config.push(context.created, history, layer.map(|layer| layer.diff_id));
    }
    let media_type = context.format.media_type(&MediaType::ImageConfig);
    Ok(Document::new(media_type, &config.finish(context.created))?)
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

/// Returns what the sink shall call an image.
fn names(image: &Built, platform_tags: PlatformTags) -> Result<Vec<Named>, BuildError> {
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

impl std::fmt::Debug for Sources<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources").field("unverified", &self.unverified).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Plan<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").field("recipes", &self.recipes).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("created", &self.created).finish_non_exhaustive()
    }
}

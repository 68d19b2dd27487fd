//! Writes the documents of a build's images, and publishes their names.

use std::collections::BTreeMap;

use oci_spec::image::MediaType;

use super::attest::{LayerFacts, attest_index, attest_platform, platform_resources};
use super::{BuildError, BuildOptions, BuiltImage, BuiltPlatform, PlatformTags};
use crate::cluster::kubernetes::Quantity;
use crate::compression::LayerCompression;
use crate::oci::image::digest::Digest;
use crate::oci::image::documents::{
    self, DocumentError, IndexEntry, IndexParts, LayerDescriptor, ManifestParts,
};
use crate::oci::image::format::ImageFormat;
use crate::oci::image::json::Document;
use crate::oci::image::layer::FinishedLayer;
use crate::oci::image::platform::Platform;
use crate::oci::image::reference::Reference;
use crate::oci::image::subject::with_subject;
use crate::oci::image::tag::Tag;
use crate::oci::progress::ProgressEvent;
use crate::oci::sink::NamedImage;
use crate::recipe::{
    BlobRecipe, ConfigRecipe, LayerContent, LayerRecipe, PlatformRecipe, Recipe, RecipeStep,
};

/// A layer, and what attestations say of it.
pub(super) type DescribedLayer = (FinishedLayer, LayerFacts);

/// Writes the documents of all images and publishes their names. `subjects` are the images that they refer
/// to, `layers` those of all platforms of all recipes, in order.
pub(super) fn publish_images(
    recipes: &[Recipe],
    subjects: &[Option<Document>],
    mut layers: impl Iterator<Item = DescribedLayer>,
    options: &BuildOptions<'_>,
) -> Result<Vec<BuiltImage>, BuildError> {
    let images = recipes.iter().zip(subjects);
    let images =
        images.map(|(recipe, subject)| write_image(recipe, subject.as_ref(), &mut layers, options));
    let images = images.collect::<Result<Vec<_>, _>>()?;
    let names = images.iter().map(|image| published_names(image, options.platform_tags));
    let names = names.collect::<Result<Vec<_>, _>>()?.concat();
    if options.progress.is_cancelled() {
        return Err(BuildError::Cancelled);
    }
    options.progress.report(ProgressEvent::Publishing);
    options.sink.publish(&names)?;
    Ok(images)
}

/// Writes the documents of an image.
fn write_image(
    recipe: &Recipe,
    subject: Option<&Document>,
    layers: &mut impl Iterator<Item = DescribedLayer>,
    options: &BuildOptions<'_>,
) -> Result<BuiltImage, BuildError> {
    let platforms = write_platforms(recipe, layers, options)?;
    let annotations = recipe.platforms.iter().map(|platform| platform.entry_annotations.clone());
    let mut entries: Vec<IndexEntry> = platforms
        .iter()
        .zip(annotations)
        .map(|(built, annotations)| built.index_entry(annotations))
        .collect();
    for (built, platform) in platforms.iter().zip(&recipe.platforms) {
        entries.extend(attest_platform(built, (recipe, platform), options)?);
    }
    let mut annotations = recipe.annotations.clone();
    annotations.extend(recipe.index_annotations.clone());
    let artifact_type = recipe.artifact_type();
    let format = document_format(artifact_type, options);
    let parts = IndexParts { format, artifact_type, entries: &entries, annotations: &annotations };
    let mut index = documents::compose_index(&parts)?;
    if let Some(subject) = subject {
        index = with_subject(&index, subject).map_err(DocumentError::from)?;
    }
    options.sink.put_document(&index, &recipe.names)?;
    let image = BuiltImage { index, names: recipe.names.clone(), platforms };
    attest_index(&image, recipe, options)?;
    Ok(image)
}

/// Writes the manifests of an image's platforms; takes from `layers` as many as they have.
pub(super) fn write_platforms(
    recipe: &Recipe,
    layers: &mut impl Iterator<Item = DescribedLayer>,
    options: &BuildOptions<'_>,
) -> Result<Vec<BuiltPlatform>, BuildError> {
    let mut platforms = Vec::new();
    for platform in &recipe.platforms {
        let (layers, facts): (Vec<FinishedLayer>, Vec<LayerFacts>) =
            layers.take(platform.layers().count()).unzip();
        let config = complete_config(platform, &layers, options)?;
        let entries = layer_entries(platform, &layers);
        let mut annotations = platform.annotations.clone();
        annotations.extend(recipe.annotations.clone());
        let artifact_type = platform.config.artifact_type();
        let manifest = documents::compose_manifest(&ManifestParts {
            format: document_format(artifact_type, options),
            artifact_type,
            config: &config,
            layers: &entries,
            annotations: &annotations,
        })?;
        options.sink.put_document(&config, &recipe.names)?;
        options.sink.put_document(&manifest, &recipe.names)?;
        let resources = platform_resources(platform, &facts);
        let packages = facts.into_iter().flat_map(|facts| facts.packages).collect();
        let (platform, config) = (platform.platform.clone(), config.digest);
        platforms.push(BuiltPlatform { platform, manifest, config, layers, resources, packages });
    }
    Ok(platforms)
}

/// Returns the format of a document: artifacts exist in OCI's alone.
fn document_format(artifact_type: Option<&str>, options: &BuildOptions<'_>) -> ImageFormat {
    artifact_type.map_or(options.format, |_| ImageFormat::Oci)
}

/// Returns a platform's complete config. Tools that convert images require a history entry for each
/// layer of an image.
fn complete_config(
    platform: &PlatformRecipe,
    layers: &[FinishedLayer],
    options: &BuildOptions<'_>,
) -> Result<Document, DocumentError> {
    let mut config = match &platform.config {
        ConfigRecipe::Image(config) => config.clone(),
        ConfigRecipe::Artifact(artifact) => {
            let media_type = MediaType::from(artifact.media_type.as_str());
            let (bytes, digest) = (artifact.bytes.to_vec(), Digest::of_bytes(&artifact.bytes));
            return Ok(Document { media_type, bytes, digest });
        }
    };
    let mut layers = layers.iter();
    for step in &platform.steps {
        let (history, layer) = match step {
            RecipeStep::Layer(recipe) => (&recipe.history, layers.next()),
            RecipeStep::Config { history } => (history, None),
        };
        config.push_history(options.created, history, layer.map(|layer| layer.diff_id));
    }
    let media_type = options.format.media_type(&MediaType::ImageConfig);
    Ok(Document::new(media_type, &config.finish(options.created))?)
}

/// Returns all layers of an image, those of its base first.
fn layer_entries(platform: &PlatformRecipe, layers: &[FinishedLayer]) -> Vec<LayerDescriptor> {
    let base = platform.base.iter().flat_map(|base| &base.layers).map(|layer| LayerDescriptor {
        media_type: MediaType::from(layer.media_type.as_str()),
        digest: layer.digest,
        size: layer.size,
        annotations: layer.annotations.clone(),
    });
    let own = platform.layers().zip(layers);
    base.chain(own.map(|(recipe, layer)| describe_layer(recipe, layer, platform))).collect()
}

fn describe_layer(
    recipe: &LayerRecipe,
    layer: &FinishedLayer,
    platform: &PlatformRecipe,
) -> LayerDescriptor {
    let (media_type, annotations) = match &recipe.content {
        LayerContent::Tar(_) => {
            let chunked = layer.chunked.map(|metadata| metadata.annotations());
            (layer_media_type(platform.compression), chunked.unwrap_or_default())
        }
        LayerContent::Blob(blob) => {
            (MediaType::from(blob.media_type.as_str()), blob_annotations(blob, layer))
        }
    };
    LayerDescriptor { media_type, digest: layer.digest, size: layer.size, annotations }
}

fn blob_annotations(blob: &BlobRecipe, layer: &FinishedLayer) -> BTreeMap<String, String> {
    let mut annotations = blob.annotations.clone();
    if let Some((key, size)) = blob.size_annotation.zip(layer.content_size) {
        annotations.insert(key.to_owned(), Quantity::exact(size).to_string());
    }
    annotations
}

fn layer_media_type(compression: LayerCompression) -> MediaType {
    match compression {
        LayerCompression::Gzip(_) => MediaType::ImageLayerGzip,
        LayerCompression::Zstd(_) | LayerCompression::ZstdChunked(_) => MediaType::ImageLayerZstd,
        LayerCompression::None => MediaType::ImageLayer,
    }
}

/// Returns the names that the sink publishes for an image.
fn published_names(
    image: &BuiltImage,
    platform_tags: PlatformTags,
) -> Result<Vec<NamedImage>, BuildError> {
    let unnamed = image.names.is_empty().then_some(None);
    let names: Vec<Option<&Reference>> = image.names.iter().map(Some).chain(unnamed).collect();
    let index = image.index.descriptor().map_err(DocumentError::from)?;
    let mut all: Vec<NamedImage> = names
        .iter()
        .map(|name| NamedImage { image: index.clone(), name: name.cloned(), tag: None })
        .collect();
    if platform_tags == PlatformTags::None {
        return Ok(all);
    }
    for platform in &image.platforms {
        let descriptor = platform
            .manifest
            .descriptor_builder()
            .platform(documents::oci_platform(&platform.platform).map_err(DocumentError::from)?)
            .build()
            .map_err(DocumentError::from)?;
        let suffix = tag_suffix(&platform.platform);
        for name in names.iter().flatten() {
            let tag = format!("{}-{suffix}", name.tag().unwrap_or(Tag::LATEST.as_str()));
            let name = Some(name.with_tag(tag.parse().map_err(DocumentError::from)?));
            all.push(NamedImage { image: descriptor.clone(), name, tag: None });
        }
    }
    Ok(all)
}

/// Returns the suffix of a platform's tag: `amd64`, or `arm-v7` if there is a variant.
fn tag_suffix(platform: &Platform) -> String {
    let variant = platform.variant.iter().map(|variant| format!("-{variant}"));
    variant.fold(platform.architecture.clone(), |suffix, variant| suffix + &variant)
}

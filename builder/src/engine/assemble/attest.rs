//! What a build says of its images: *attestations*, written before the names of the images.

use serde_json::json;

use super::layers::LayerJob;
use super::{BuildError, BuildOptions, BuiltImage, BuiltPlatform};
use crate::attestation::attach::{AttestationForm, AttestationWriter};
use crate::attestation::provenance::{BuildFacts, BuildParameters, compose_provenance};
use crate::attestation::resource::{ResourceDescriptor, sort_resources};
use crate::attestation::statement::Predicate;
use crate::engine::layer::compression::FORMAT_VERSION;
use crate::engine::source::ImageRoots;
use crate::oci::image::documents::{DocumentError, IndexEntry};
use crate::recipe::{AttestationKind, PlatformRecipe, Recipe};
use crate::signature::key::PrivateKey;

/// How a build writes the attestations that its recipes ask for.
#[derive(Debug, Clone, Copy)]
pub struct AttestOptions<'a> {
    /// What was asked for in the build.
    pub parameters: &'a BuildParameters,
    /// Where the attestations are kept.
    pub form: AttestationForm,
    /// Key that signs them.
    pub key: Option<&'a PrivateKey>,
}

/// Returns what the sources of each layer consist of; nothing for images whose provenance is not stated.
pub(super) fn find_resources(
    recipes: &[Recipe],
    jobs: &[LayerJob<'_>],
    roots: &ImageRoots,
    options: &BuildOptions<'_>,
) -> Result<Vec<Vec<ResourceDescriptor>>, BuildError> {
    let layers = |recipe: &Recipe| recipe.platforms.iter().map(|it| it.layers().count()).sum();
    let is_stated = recipes
        .iter()
        .flat_map(|recipe| std::iter::repeat_n(states_provenance(recipe, options), layers(recipe)));
    jobs.iter()
        .zip(is_stated)
        .map(
            |(job, is_stated)| {
                if is_stated { layer_resources(job, roots, options) } else { Ok(Vec::new()) }
            },
        )
        .collect()
}

fn states_provenance(recipe: &Recipe, options: &BuildOptions<'_>) -> bool {
    options.attest.is_some() && recipe.attest.contains(&AttestationKind::Provenance)
}

fn layer_resources(
    job: &LayerJob<'_>,
    roots: &ImageRoots,
    options: &BuildOptions<'_>,
) -> Result<Vec<ResourceDescriptor>, BuildError> {
    let mut resources = Vec::new();
    for source in &job.sources {
        let mut poll = || !options.progress.is_cancelled();
        let found = source.source.find_resources(source.recipe, roots, &mut poll);
        match found {
            Ok(found) => resources.extend(found),
            Err(_) if options.progress.is_cancelled() => return Err(BuildError::Cancelled),
            Err(error) => return Err(BuildError::from_source(error, source.recipe)),
        }
    }
    Ok(resources)
}

/// Returns what an image of a platform was built from: its base, and the sources of its layers.
pub(super) fn platform_resources(
    recipe: &PlatformRecipe,
    layers: &[Vec<ResourceDescriptor>],
) -> Vec<ResourceDescriptor> {
    let base = recipe.base.as_ref();
    let base = base.map(|base| ResourceDescriptor::image(&base.location, base.manifest));
    let mut all: Vec<ResourceDescriptor> = base.into_iter().chain(layers.concat()).collect();
    sort_resources(&mut all);
    all
}

/// Writes the attestations of the image of a platform that was written. Returns the entry that the index has for them.
pub(super) fn attest_platform(
    platform: &BuiltPlatform,
    (image, recipe): (&Recipe, &PlatformRecipe),
    options: &BuildOptions<'_>,
) -> Result<Option<IndexEntry>, BuildError> {
    let Some(attest) = options.attest.filter(|_| states_provenance(image, options)) else {
        return Ok(None);
    };
    let predicates = [platform_provenance(platform, recipe, attest, options)?];
    let writer = AttestationWriter { sink: options.sink, names: &image.names, key: attest.key };
    match attest.form {
        AttestationForm::Attached => {
            writer.attach(&platform.manifest, &predicates)?;
            Ok(None)
        }
        AttestationForm::Index => {
            Ok(Some(writer.write_index_entry(platform.manifest.digest, &predicates)?))
        }
    }
}

fn platform_provenance(
    platform: &BuiltPlatform,
    recipe: &PlatformRecipe,
    attest: &AttestOptions<'_>,
    options: &BuildOptions<'_>,
) -> Result<Predicate, BuildError> {
    let internal = json!({
        "compression": recipe.compression.to_string(),
        "created": options.created.seconds(),
        "layerFormat": FORMAT_VERSION,
    });
    let provenance = compose_provenance(&BuildFacts {
        parameters: attest.parameters,
        platform: Some(platform.platform.to_string()),
        internal,
        resources: &platform.resources,
    });
    Ok(provenance.map_err(DocumentError::from)?)
}

/// Attaches the attestations of an index that was written.
pub(super) fn attest_index(
    image: &BuiltImage,
    recipe: &Recipe,
    options: &BuildOptions<'_>,
) -> Result<(), BuildError> {
    let attest = options.attest.filter(|_| states_provenance(recipe, options));
    let Some(attest) = attest.filter(|it| it.form == AttestationForm::Attached) else {
        return Ok(());
    };
    let mut resources: Vec<ResourceDescriptor> =
        image.platforms.iter().flat_map(|platform| platform.resources.clone()).collect();
    sort_resources(&mut resources);
    let platforms: Vec<String> =
        image.platforms.iter().map(|platform| platform.platform.to_string()).collect();
    let internal = json!({
        "created": options.created.seconds(),
        "layerFormat": FORMAT_VERSION,
        "platforms": platforms,
    });
    let parameters = attest.parameters;
    let facts = BuildFacts { parameters, platform: None, internal, resources: &resources };
    let writer = AttestationWriter { sink: options.sink, names: &image.names, key: attest.key };
    let provenance = compose_provenance(&facts).map_err(DocumentError::from)?;
    Ok(writer.attach(&image.index, &[provenance])?)
}

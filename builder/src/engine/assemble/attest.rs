//! What a build says of its images: *attestations*, written before the names of the images.

use serde_json::json;

use super::layers::{LayerJob, LayerSource};
use super::{BuildError, BuildOptions, BuiltImage, BuiltPlatform};
use crate::attestation::attach::{AttestationForm, AttestationWriter};
use crate::attestation::packages::compose_package_list;
use crate::attestation::provenance::{BuildClock, BuildFacts, BuildParameters, compose_provenance};
use crate::attestation::resource::{ResourceDescriptor, sort_resources};
use crate::engine::layer::compression::FORMAT_VERSION;
use crate::engine::source::{FileNaming, ImageRoots};
use crate::oci::image::documents::{DocumentError, IndexEntry};
use crate::recipe::{AttestationKind, PlatformRecipe, Recipe};
use crate::sbom::document::{DocumentFormat, DocumentSubject};
use crate::sbom::inventory::Inventory;
use crate::signature::key::PrivateKey;
use crate::signature::sign::SignatureFormat;
use crate::signature::statement::Predicate;

/// How a build writes the attestations that its recipes ask for.
#[derive(Debug, Clone, Copy)]
pub struct AttestOptions<'a> {
    /// What was asked for in the build.
    pub parameters: &'a BuildParameters,
    /// Tells the times of the build, if they are stated.
    pub clock: Option<BuildClock<'a>>,
    /// How files of this machine are named.
    pub files: FileNaming,
    /// Where the attestations are kept.
    pub form: AttestationForm,
    /// Key that signs them, and where the signed ones are kept.
    pub key: Option<(&'a PrivateKey, SignatureFormat)>,
}

/// What attestations say of a layer.
#[derive(Debug, Clone, Default)]
pub(super) struct LayerFacts {
    /// What it was made of, if the provenance of its image is stated.
    pub(super) resources: Vec<ResourceDescriptor>,
    /// The packages in each of its disks, if they are listed.
    pub(super) packages: Vec<DiskPackages>,
}

/// The packages in a disk that was built.
#[derive(Debug, Clone)]
pub struct DiskPackages {
    /// Name of the disk, if it is one of a VM artifact.
    pub disk: Option<String>,
    /// The system and its packages.
    pub inventory: Inventory,
}

/// Reads what attestations say of each layer; nothing for images without.
pub(super) fn read_facts(
    recipes: &[Recipe],
    jobs: &[LayerJob<'_>],
    roots: &ImageRoots,
    options: &BuildOptions<'_>,
) -> Result<Vec<LayerFacts>, BuildError> {
    let layers = |recipe: &Recipe| recipe.platforms.iter().map(|it| it.layers().count()).sum();
    let owners = recipes.iter().flat_map(|recipe| std::iter::repeat_n(recipe, layers(recipe)));
    jobs.iter().zip(owners).map(|(job, owner)| layer_facts(job, owner, roots, options)).collect()
}

/// Returns whether attestations of a kind are written for an image.
fn is_asked_for(kind: AttestationKind, recipe: &Recipe, options: &BuildOptions<'_>) -> bool {
    options.attest.is_some() && recipe.attest.contains(&kind)
}

fn layer_facts(
    job: &LayerJob<'_>,
    owner: &Recipe,
    roots: &ImageRoots,
    options: &BuildOptions<'_>,
) -> Result<LayerFacts, BuildError> {
    let has_provenance = is_asked_for(AttestationKind::Provenance, owner, options);
    let naming = options.attest.map_or(FileNaming::Paths, |attest| attest.files);
    let mut facts = LayerFacts::default();
    for LayerSource { recipe, source, packages } in &job.sources {
        let disk = job.disk_name().map(str::to_owned);
        let packages = packages.clone();
        facts.packages.extend(packages.map(|inventory| DiskPackages { disk, inventory }));
        if !has_provenance {
            continue;
        }
        let mut poll = || !options.progress.is_cancelled();
        match source.find_resources(recipe, roots, naming, &mut poll) {
            Ok(found) => facts.resources.extend(found),
            Err(_) if options.progress.is_cancelled() => return Err(BuildError::Cancelled),
            Err(error) => return Err(BuildError::from_source(error, recipe)),
        }
    }
    Ok(facts)
}

/// Returns what an image of a platform was built from: its base, and the sources of its layers.
pub(super) fn platform_resources(
    recipe: &PlatformRecipe,
    layers: &[LayerFacts],
) -> Vec<ResourceDescriptor> {
    let base = recipe.base.as_ref();
    let base = base.map(|base| ResourceDescriptor::image(&base.location, base.manifest));
    let mut all: Vec<ResourceDescriptor> =
        base.into_iter().chain(layers.iter().flat_map(|layer| layer.resources.clone())).collect();
    sort_resources(&mut all);
    all
}

/// Writes the attestations of the image of a platform that was written. Returns the entry that the index has for them.
pub(super) fn attest_platform(
    platform: &BuiltPlatform,
    (image, recipe): (&Recipe, &PlatformRecipe),
    options: &BuildOptions<'_>,
) -> Result<Option<IndexEntry>, BuildError> {
    let Some(attest) = options.attest else { return Ok(None) };
    let mut predicates = Vec::new();
    if is_asked_for(AttestationKind::Provenance, image, options) {
        predicates.push(platform_provenance(platform, recipe, attest, options)?);
    }
    for packages in &platform.packages {
        predicates.push(list_packages(packages, platform, image, options)?);
    }
    if predicates.is_empty() {
        return Ok(None);
    }
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

/// Returns the list of the packages in a disk.
fn list_packages(
    packages: &DiskPackages,
    platform: &BuiltPlatform,
    image: &Recipe,
    options: &BuildOptions<'_>,
) -> Result<Predicate, DocumentError> {
    let name = image.names.first().map_or_else(|| "image".to_owned(), ToString::to_string);
    let digest = platform.manifest.digest.to_string();
    let about = DocumentSubject {
        name: &name,
        disk: packages.disk.as_deref(),
        version: Some(&digest),
        created: Some(options.created),
    };
    Ok(compose_package_list(&packages.inventory, DocumentFormat::Spdx, &about)?)
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
        times: attest.clock.map(|clock| clock.times()),
    });
    Ok(provenance.map_err(DocumentError::from)?)
}

/// Attaches the attestations of an index that was written.
pub(super) fn attest_index(
    image: &BuiltImage,
    recipe: &Recipe,
    options: &BuildOptions<'_>,
) -> Result<(), BuildError> {
    let is_stated = is_asked_for(AttestationKind::Provenance, recipe, options);
    let attest = options.attest.filter(|_| is_stated);
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
    let times = attest.clock.map(|clock| clock.times());
    let facts = BuildFacts { parameters, platform: None, internal, resources: &resources, times };
    let writer = AttestationWriter { sink: options.sink, names: &image.names, key: attest.key };
    let provenance = compose_provenance(&facts).map_err(DocumentError::from)?;
    Ok(writer.attach(&image.index, &[provenance])?)
}

//! Opens the sources of a build's layers, and collects the errors of all that cannot be used.

use std::sync::Arc;

use cap_std::fs::Dir;

use super::layers::{LayerJob, LayerSource};
use super::{BuildError, BuildSources};
use crate::engine::source::{ArchiveDownloads, ImageRoots, Source, SourceError, SourceOpener};
use crate::recipe::{
    AttestationKind, LayerRecipe, PlatformRecipe, Recipe, SourceRecipe, SourceRole,
};

/// A source that cannot be opened.
struct UnusableSource<'a> {
    recipe: &'a SourceRecipe,
    error: SourceError,
}

impl UnusableSource<'_> {
    /// Returns whether another error is the same problem of the same source.
    fn is_same(&self, other: &Self) -> bool {
        self.recipe.location == other.recipe.location
            && self.error.kind.is_same_problem(&other.error.kind)
    }
}

/// Opens the sources of all layers of all platforms, in order; returns all that cannot be used.
pub(super) fn open_layers<'a>(
    recipes: &'a [Recipe],
    sources: &BuildSources<'a>,
    roots: &Arc<ImageRoots>,
) -> Result<Vec<LayerJob<'a>>, Vec<BuildError>> {
    let mut jobs = Vec::new();
    let mut refused: Vec<UnusableSource<'_>> = Vec::new();
    for image in recipes {
        for platform in &image.platforms {
            for recipe in platform.layers() {
                match open_layer(recipe, platform, image, sources, roots) {
                    Ok(job) => jobs.push(job),
                    // A file that several platforms name is reported once.
                    Err(error) if refused.iter().any(|old| old.is_same(&error)) => {}
                    Err(error) => refused.push(error),
                }
            }
        }
    }
    if !refused.is_empty() {
        let errors = refused.into_iter().map(|it| BuildError::from_source(it.error, it.recipe));
        return Err(errors.collect());
    }
    let unlisted: Vec<BuildError> = recipes.iter().flat_map(find_unlisted).collect();
    if unlisted.is_empty() { Ok(jobs) } else { Err(unlisted) }
}

/// Returns an error for each platform whose packages are to be listed, and whose disk is not built: it is in a base, or there
/// is none.
fn find_unlisted(image: &Recipe) -> impl Iterator<Item = BuildError> {
    let is_asked = image.attest.contains(&AttestationKind::Sbom);
    let has_disk = |platform: &&PlatformRecipe| {
        let mut files = platform.layers().flat_map(LayerRecipe::files);
        files.any(|(_, source)| source.role == SourceRole::Disk)
    };
    let platforms = image.platforms.iter().filter(move |it| is_asked && !has_disk(it));
    platforms.map(|it| BuildError::Unlisted(it.platform.clone()))
}

fn open_layer<'a>(
    recipe: &'a LayerRecipe,
    platform: &'a PlatformRecipe,
    image: &Recipe,
    sources: &BuildSources<'a>,
    roots: &Arc<ImageRoots>,
) -> Result<LayerJob<'a>, UnusableSource<'a>> {
    let BuildSources { inputs, client, unverified, cdi_only, spool, base_images } = *sources;
    let mut opener = SourceOpener::new(inputs, client, unverified, base_images)
        .with_cdi_only(cdi_only)
        .with_roots(roots)
        .with_spool(spool);
    let open = |(path, recipe): (&str, &'a SourceRecipe)| {
        Source::open(recipe, &mut opener)
            .and_then(|source| {
                source.check_name(path)?;
                let is_listed = recipe.role == SourceRole::Disk
                    && image.attest.contains(&AttestationKind::Sbom);
                let packages = is_listed.then(|| source.read_packages()).transpose()?;
                Ok(LayerSource { recipe, source, packages })
            })
            .map_err(|error| UnusableSource { recipe, error })
    };
    let sources = recipe.files().map(open).collect::<Result<Vec<_>, _>>()?;
    Ok(LayerJob::new(recipe, platform, &image.names, sources))
}

/// Downloads an archive and unpacks it into a directory. Its checksum is checked; after an error the
/// directory has files that must not be used.
pub fn unpack_download(
    downloads: &ArchiveDownloads<'_>,
    recipe: &SourceRecipe,
    dir: &Dir,
) -> Result<(), BuildError> {
    downloads.unpack(recipe, dir).map_err(|error| BuildError::from_source(error, recipe))
}

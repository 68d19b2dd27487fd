//! *Downloads* without a checksum: the lock file has their digests.

use super::base::BaseResolver;
use crate::engine::assemble::BuildError;
use crate::engine::source::ArchiveDownloads;
use crate::oci::image::digest::Digest;
use crate::recipe::diagnostic::Diagnostic;
use crate::recipe::{Checksum, LayerRecipe, Recipe, RecipeStep, SourceLocation, SourceRecipe};

/// Gives downloads without a checksum the digest that the lock file has. With `downloads` those that
/// it does not have are downloaded once to record their digests.
pub fn lock_downloads(
    recipe: &mut Recipe,
    resolver: &BaseResolver,
    downloads: Option<&ArchiveDownloads<'_>>,
) -> Result<(), Vec<Diagnostic>> {
    let steps = recipe.platforms.iter_mut().flat_map(|platform| &mut platform.steps);
    let layers = steps.filter_map(|step| match step {
        RecipeStep::Layer(layer) => Some(layer),
        RecipeStep::Config { .. } => None,
    });
    let mut problems = Vec::new();
    for source in layers.flat_map(LayerRecipe::sources_mut) {
        if let Err(problem) = lock_source(source, resolver, downloads)
            && !problems.contains(&*problem)
        {
            problems.push(*problem);
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn lock_source(
    source: &mut SourceRecipe,
    resolver: &BaseResolver,
    downloads: Option<&ArchiveDownloads<'_>>,
) -> Result<(), Box<Diagnostic>> {
    let details = source.download.as_ref();
    let is_checked =
        source.checksum.is_some() || details.is_some_and(|details| details.decompressed.is_some());
    let SourceLocation::Url(url) = &source.location else { return Ok(()) };
    if is_checked {
        return Ok(());
    }
    let known = resolver.download(url).map_err(|error| {
        let problem = Diagnostic::new(error.to_string()).at(source.origin.clone());
        Box::new(problem.help(error.help()))
    })?;
    let digest = match (known, downloads) {
        (Some(digest), _) => digest,
        (None, None) => return Ok(()),
        (None, Some(downloads)) => {
            let digest = record(url, source, resolver, downloads)?;
            let Some(digest) = digest else { return Ok(()) };
            digest
        }
    };
    source.checksum = Some(Checksum::Sha256(digest.to_hex()));
    Ok(())
}

/// Downloads a file, and records and returns its digest.
fn record(
    url: &str,
    source: &SourceRecipe,
    resolver: &BaseResolver,
    downloads: &ArchiveDownloads<'_>,
) -> Result<Option<Digest>, Box<Diagnostic>> {
    let found = downloads.digest(source);
    let found =
        found.map_err(|error| Box::new(BuildError::from_source(error, source).diagnostic()))?;
    let digest: Option<Digest> = found.to_string().parse().ok();
    if let Some(digest) = digest {
        resolver.record_download(url, digest);
    }
    Ok(digest)
}

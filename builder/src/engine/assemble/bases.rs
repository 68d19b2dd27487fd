//! Copies the layers of a build's base images to the sink, unchanged and each once.

use std::collections::BTreeMap;

use super::{BuildError, BuildOptions};
use crate::oci::image::digest::Digest;
use crate::oci::image::location::ImageLocation;
use crate::oci::image::reference::Reference;
use crate::oci::images::{ImageOpener, Images};
use crate::oci::transfer::{self, BlobTransfer};
use crate::recipe::{BaseImage, Recipe};

/// A layer that one base image or several have.
struct BaseLayer {
    size: u64,
    /// Index of the opened location that it is read from.
    location: usize,
    /// Names of the built images that have the layer.
    names: Vec<Reference>,
}

/// Copies the layers of all base images to the sink.
pub(super) fn copy_base_layers(
    recipes: &[Recipe],
    base_images: &dyn ImageOpener,
    options: &BuildOptions<'_>,
) -> Result<(), BuildError> {
    let mut opened: Vec<(&ImageLocation, Box<dyn Images + '_>)> = Vec::new();
    let mut wanted: BTreeMap<Digest, BaseLayer> = BTreeMap::new();
    for (recipe, base) in recipes.iter().flat_map(recipe_bases) {
        let known = opened.iter().position(|(location, _)| **location == base.location);
        let location = if let Some(location) = known {
            location
        } else {
            opened.push((&base.location, base_images.open_images(&base.location)?));
            opened.len() - 1
        };
        for layer in &base.layers {
            let new = BaseLayer { size: layer.size, location, names: Vec::new() };
            let names = &mut wanted.entry(layer.digest).or_insert(new).names;
            let more = recipe.names.iter().filter(|name| !names.contains(name));
            let more: Vec<Reference> = more.cloned().collect();
            names.extend(more);
        }
    }
    let transfers = wanted.iter().map(|(digest, wanted)| BlobTransfer {
        digest: *digest,
        size: wanted.size,
        images: &*opened[wanted.location].1,
        names: &wanted.names,
    });
    Ok(transfer::transfer_blobs(
        transfers.collect(),
        options.sink,
        options.workers.jobs(),
        options.progress,
    )?)
}

fn recipe_bases(recipe: &Recipe) -> impl Iterator<Item = (&Recipe, &BaseImage)> {
    recipe.platforms.iter().filter_map(move |platform| Some((recipe, platform.base.as_ref()?)))
}

//! The layers of a build's bases: moved as they are, each once, to wherever the images go.

use std::collections::BTreeMap;

use super::{BuildError, Context};
use crate::oci::image::digest::Digest;
use crate::oci::image::place::Place;
use crate::oci::image::reference::Reference;
use crate::oci::images::{Images, Places};
use crate::oci::moves::{self, Move};
use crate::recipe::{BaseImage, Recipe};

/// A layer of one base or several.
struct Wanted {
    size: u64,
    /// The place it is taken from, among those that were opened.
    place: usize,
    /// What the images will be called that have it.
    names: Vec<Reference>,
}

/// Moves the layers of all bases.
pub(super) fn put(
    recipes: &[Recipe],
    places: &dyn Places,
    context: &Context<'_>,
) -> Result<(), BuildError> {
    let mut opened: Vec<(&Place, Box<dyn Images + '_>)> = Vec::new();
    let mut wanted: BTreeMap<Digest, Wanted> = BTreeMap::new();
    for (recipe, base) in recipes.iter().flat_map(bases) {
        let known = opened.iter().position(|(place, _)| **place == base.place);
        let place = if let Some(place) = known {
            place
        } else {
            opened.push((&base.place, places.images(&base.place)?));
            opened.len() - 1
        };
        for layer in &base.layers {
            let new = Wanted { size: layer.size, place, names: Vec::new() };
            let names = &mut wanted.entry(layer.digest).or_insert(new).names;
            let more = recipe.names.iter().filter(|name| !names.contains(name));
            let more: Vec<Reference> = more.cloned().collect();
            names.extend(more);
        }
    }
    let moves = wanted.iter().map(|(digest, wanted)| Move {
        digest: *digest,
        size: wanted.size,
        images: &*opened[wanted.place].1,
        names: &wanted.names,
    });
    Ok(moves::run(moves.collect(), context.sink, context.workers.jobs(), context.progress)?)
}

fn bases(recipe: &Recipe) -> impl Iterator<Item = (&Recipe, &BaseImage)> {
    recipe.platforms.iter().filter_map(move |platform| Some((recipe, platform.base.as_ref()?)))
}

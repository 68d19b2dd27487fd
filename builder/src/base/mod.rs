//! A *base* is an image that others stand on, seen as a tree. Its layers are read once, to see what
//! is in them, and not unpacked; what was seen is kept by digest, so that an unchanged base is not
//! downloaded again.

mod error;
mod index;
mod lock;
mod manifest;
mod overlay;
mod platform;
mod store;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::io::{self, Read};
use std::sync::Arc;

use cap_std::fs::Dir;

pub use error::BaseError;
pub use index::LayerProblem;
pub use lock::{Lock, LockError, Locked, Pull, Resolver};
pub use overlay::OverlayError;

use self::index::LayerIndex;
use self::manifest::{Descriptor, Told};
use crate::archive::Limits;
use crate::image::config::Config;
use crate::image::digest::Digest;
use crate::image::json::Document;
use crate::image::place::Place;
use crate::image::platform::Platform;
use crate::images::{Images, Places};
use crate::progress::{Event, Progress};
use crate::recipe::{Archive, Base, BaseLayer};
use crate::sink::SinkError;
use crate::tree::Tree;

/// The longest config, in bytes.
const CONFIG_MAX: u64 = 4 << 20;

/// How many files an image may have.
const FILES_MAX: usize = 1_000_000;

/// Loads the images that others stand on.
pub struct Bases<'a> {
    /// Opens the places that they are in.
    pub places: &'a dyn Places,
    /// Keeps what was seen of them; nothing means that all is read anew.
    pub cache: Option<&'a Dir>,
    /// Says what names mean.
    pub resolver: &'a Resolver,
    /// What a layer may have.
    pub limits: Limits,
    /// Listens, and stops it.
    pub progress: &'a dyn Progress,
}

/// A base that can be stood on.
#[derive(Debug)]
pub struct Loaded {
    /// Its layers; the place names the digest that was found there.
    pub recipe: Base,
    /// Its config.
    pub config: Config,
    /// What is in it; nothing of that counts as a change.
    pub tree: Tree,
    /// The whole name of an image in a registry, as it was given, and the digest that it meant: what
    /// `org.opencontainers.image.base.name` and `.digest` say.
    pub name: Option<String>,
    /// Of what the name meant: an index, if it has several platforms.
    pub root: Digest,
}

impl Bases<'_> {
    /// Loads the image of a place for a platform.
    pub fn load(&self, place: &Place, platform: &Platform) -> Result<Loaded, BaseError> {
        let reader = BaseReader { bases: self, place, images: OnceCell::new() };
        let loaded = reader.load(platform);
        match loaded {
            Err(_) if self.progress.is_cancelled() => Err(BaseError::Cancelled),
            loaded => loaded,
        }
    }

    /// Tells of a cache that cannot be written, which does no harm.
    fn note(&self, written: io::Result<()>) {
        if let Err(error) = written {
            self.progress.event(Event::Note(&format!("cannot write the cache: {error}")));
        }
    }
}

/// Reads one base.
struct BaseReader<'b> {
    bases: &'b Bases<'b>,
    place: &'b Place,
    /// Opened when something is not known without them.
    images: OnceCell<Box<dyn Images + 'b>>,
}

impl BaseReader<'_> {
    fn load(&self, platform: &Platform) -> Result<Loaded, BaseError> {
        let root = self.root()?;
        let root_digest = root.digest;
        let (document, told) = manifest::choose(self, root, platform)?;
        let manifest = manifest::read(&document)?;
        let config = self.config(&document, &manifest.config)?;
        if told == Told::ByConfig {
            self.check_platform(&config, platform)?;
        }
        let layers = manifest.layers(&document)?;
        let place = pinned(self.place, root_digest);
        let tree = self.tree(&layers, &config, &place)?;
        let name = match self.place {
            Place::Registry(name) => Some(name.to_string()),
            Place::Layout(..) => None,
        };
        let recipe = Base { place, manifest: document.digest, layers };
        Ok(Loaded { recipe, config, tree, name, root: root_digest })
    }

    fn images(&self) -> Result<&dyn Images, SinkError> {
        if let Some(images) = self.images.get() {
            return Ok(&**images);
        }
        let images = self.bases.places.images(self.place)?;
        Ok(&**self.images.get_or_init(|| images))
    }

    /// Returns what the place names.
    fn root(&self) -> Result<Document, BaseError> {
        let name = match self.place {
            Place::Registry(name) => name,
            Place::Layout(_, Some(name)) => {
                let found = self.images()?.find(name)?;
                return found.ok_or_else(|| BaseError::NotFound(self.place.to_string()));
            }
            Place::Layout(_, None) => {
                let only = self.images()?.only()?;
                return only.ok_or_else(|| BaseError::Ambiguous(self.place.to_string()));
            }
        };
        let pin = match name.digest() {
            Some(pin) => Some(pin.parse().map_err(|_| BaseError::Algorithm(pin.into()))?),
            None => self.bases.resolver.resolve(name)?,
        };
        if let Some(pin) = pin {
            return match self.document(pin) {
                Err(BaseError::Missing(_)) => Err(BaseError::NotFound(self.place.to_string())),
                document => document,
            };
        }
        let found = self.images()?.find(name.tag().unwrap_or_default())?;
        let found = found.ok_or_else(|| BaseError::NotFound(self.place.to_string()))?;
        self.bases.resolver.record(name, found.digest);
        self.keep(&found.bytes);
        Ok(found)
    }

    /// Returns a manifest or index.
    fn document(&self, digest: Digest) -> Result<Document, BaseError> {
        let known = self.bases.cache.and_then(|dir| store::document(dir, digest));
        if let Some(document) = known.and_then(|bytes| Document::read("", bytes).ok()) {
            return Ok(document);
        }
        let document = self.images()?.document(digest)?.ok_or(BaseError::Missing(digest))?;
        if document.digest != digest {
            return Err(BaseError::Digest { expected: digest, found: document.digest });
        }
        self.keep(&document.bytes);
        Ok(document)
    }

    fn keep(&self, bytes: &[u8]) {
        if let Some(dir) = self.bases.cache {
            self.bases.note(store::put_document(dir, bytes));
        }
    }

    fn config(&self, manifest: &Document, config: &Descriptor) -> Result<Config, BaseError> {
        let digest = config.digest(manifest)?;
        let wrong = |why: &str| BaseError::Document(digest, why.into());
        if let Some(bytes) = self.bases.cache.and_then(|dir| store::document(dir, digest)) {
            return Ok(Config::read(&bytes)?);
        }
        if config.size > CONFIG_MAX {
            return Err(wrong("a config is not longer than 4 MiB"));
        }
        let mut bytes = Vec::new();
        let blob = self.images()?.blob(digest, config.size, 0)?;
        let read = blob.take(config.size + 1).read_to_end(&mut bytes);
        read.map_err(SinkError::io("read", digest.to_string()))?;
        if bytes.len() as u64 != config.size {
            return Err(wrong("it has not the size that its manifest gives"));
        }
        let found = Digest::of_bytes(&bytes);
        if found != digest {
            return Err(BaseError::Digest { expected: digest, found });
        }
        self.keep(&bytes);
        Ok(Config::read(&bytes)?)
    }

    /// An image that is not chosen from an index must be for the platform. What its config does not
    /// say is right.
    fn check_platform(&self, config: &Config, wanted: &Platform) -> Result<(), BaseError> {
        let Some(found) = config.platform() else { return Ok(()) };
        if platform::distance(wanted, &found).is_some() {
            return Ok(());
        }
        Err(self.wrong_platform(wanted, found.to_string()))
    }

    fn wrong_platform(&self, wanted: &Platform, found: String) -> BaseError {
        let (place, wanted) = (self.place.to_string(), wanted.to_string());
        BaseError::Platform { place, wanted, found }
    }

    fn tree(
        &self,
        layers: &[BaseLayer],
        config: &Config,
        place: &Place,
    ) -> Result<Tree, BaseError> {
        let diff_ids: Vec<&str> = config.diff_ids().collect();
        if diff_ids.len() != layers.len() {
            let (layers, diff_ids) = (layers.len(), diff_ids.len());
            return Err(BaseError::Layers { layers, diff_ids });
        }
        let mut tree = Tree::new();
        for (layer, diff_id) in layers.iter().zip(diff_ids) {
            let wrong = |problem| BaseError::Layer { digest: layer.digest, problem };
            let index = self.index(layer)?;
            if index.diff_id != diff_id {
                let (expected, found) = (diff_id.to_owned(), index.diff_id);
                return Err(wrong(LayerProblem::DiffId { expected, found }));
            }
            let (place, digest, size) = (place.clone(), layer.digest, layer.size);
            let archive = Arc::new(Archive::Layer { place, digest, size });
            overlay::apply(&mut tree, &index, &archive).map_err(|error| wrong(error.into()))?;
            if tree.len() > FILES_MAX {
                return Err(wrong(LayerProblem::TooMany(FILES_MAX)));
            }
        }
        tree.settle();
        Ok(tree)
    }

    fn index(&self, layer: &BaseLayer) -> Result<LayerIndex, BaseError> {
        if let Some(index) = self.bases.cache.and_then(|dir| store::index(dir, layer.digest)) {
            return Ok(index);
        }
        let images = self.bases.places.images(self.place)?;
        let blob = images.into_blob(layer.digest, layer.size)?;
        let index = LayerIndex::read(blob, layer, self.bases.limits, self.bases.progress)
            .map_err(|problem| BaseError::Layer { digest: layer.digest, problem })?;
        if let Some(dir) = self.bases.cache {
            self.bases.note(store::put_index(dir, layer.digest, &index));
        }
        Ok(index)
    }
}

/// Returns the same place with what was found there.
fn pinned(place: &Place, digest: Digest) -> Place {
    match place {
        Place::Registry(name) => Place::Registry(name.with_digest(digest)),
        Place::Layout(path, _) => Place::Layout(path.clone(), Some(digest.to_string())),
    }
}

impl std::fmt::Debug for Bases<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bases").field("resolver", &self.resolver).finish_non_exhaustive()
    }
}

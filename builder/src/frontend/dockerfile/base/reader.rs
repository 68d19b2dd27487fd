//! The *reader* of one base resolves its name, reads its documents and indexes its layers into a
//! tree.

use std::cell::OnceCell;
use std::sync::Arc;

use super::index::LayerIndex;
use super::{BaseError, BaseLayerProblem, BaseLoader, LoadedBase, manifest, overlay, store};
use crate::frontend::dockerfile::tree::Tree;
use crate::oci::error::StorageError;
use crate::oci::image::config::ImageConfig;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::location::{ImageLocation, LocalImage};
use crate::oci::image::platform::Platform;
use crate::oci::images::Images;
use crate::oci::layer_tar::LayerProblem;
use crate::oci::walk::{DocumentLimits, DocumentSource, DocumentWalk, WalkError};
use crate::recipe::{BaseImage, BaseLayer, TarOrigin};

/// Maximum number of files in an image.
const FILES_MAX: usize = 1_000_000;

/// The reader of one base.
pub(super) struct BaseReader<'b> {
    loader: &'b BaseLoader<'b>,
    location: &'b ImageLocation,
    /// Opened when something is not in the cache.
    images: OnceCell<Box<dyn Images + 'b>>,
}

impl<'b> BaseReader<'b> {
    pub(super) fn new(loader: &'b BaseLoader<'b>, location: &'b ImageLocation) -> Self {
        Self { loader, location, images: OnceCell::new() }
    }

    pub(super) fn load(&self, platform: &Platform) -> Result<LoadedBase, BaseError> {
        let root = self.read_root()?;
        self.loader.opener.check_root(self.location, &root)?;
        let mut walk = DocumentWalk::new(self, DocumentLimits::default());
        let document = walk.choose_platform(&root, platform, &self.location.to_string())??;
        let (config, layers) =
            manifest::config_and_layers(&document, walk.parse_manifest(&document)?)?;
        let mut config = ImageConfig::parse(&walk.read_config(&config)?)?;
        config.complete_platform(platform);
        let location = pin_digest(self.location, root.digest);
        let tree = self.build_tree(&layers, &config, &location)?;
        let name = match self.location {
            ImageLocation::Registry(name) => Some(name.to_string()),
            ImageLocation::Local(_) => None,
        };
        let recipe = BaseImage { location, manifest: document.digest, layers };
        Ok(LoadedBase { recipe, config, tree, name, root: root.digest })
    }

    fn images(&self) -> Result<&dyn Images, StorageError> {
        if let Some(images) = self.images.get() {
            return Ok(&**images);
        }
        let images = self.loader.opener.open_images(self.location)?;
        Ok(&**self.images.get_or_init(|| images))
    }

    /// Returns the document that the location names.
    fn read_root(&self) -> Result<Document, BaseError> {
        let name = match self.location {
            ImageLocation::Registry(name) => name,
            ImageLocation::Local(LocalImage { name: Some(name), .. }) => {
                let found = self.images()?.find_image(name)?;
                return found.ok_or_else(|| BaseError::NotFound(self.location.to_string()));
            }
            ImageLocation::Local(LocalImage { name: None, .. }) => {
                let only = self.images()?.only_image()?;
                return only.ok_or_else(|| BaseError::Ambiguous(self.location.to_string()));
            }
        };
        let pin = match name.digest() {
            Some(pin) => Some(pin.parse().map_err(|_| BaseError::Algorithm(pin.into()))?),
            None => self.loader.resolver.resolve(name)?,
        };
        if let Some(pin) = pin {
            return self.read_pinned(pin);
        }
        let found = self.images()?.find_image(name.tag().unwrap_or_default())?;
        let found = found.ok_or_else(|| BaseError::NotFound(self.location.to_string()))?;
        self.loader.resolver.record(name, found.digest);
        self.cache_document(&found.bytes);
        Ok(found)
    }

    /// Returns the manifest or index with this digest.
    fn read_pinned(&self, digest: Digest) -> Result<Document, BaseError> {
        let not_found = || BaseError::NotFound(self.location.to_string());
        match self.read_document(digest)?.ok_or_else(not_found)? {
            document if document.digest == digest => Ok(document),
            other => Err(BaseError::Digest { expected: digest, found: other.digest }),
        }
    }

    fn cache_document(&self, bytes: &[u8]) {
        if let Some(dir) = self.loader.cache {
            self.loader.report_cache_error(store::save_document(dir, bytes));
        }
    }

    fn build_tree(
        &self,
        layers: &[BaseLayer],
        config: &ImageConfig,
        location: &ImageLocation,
    ) -> Result<Tree, BaseError> {
        let diff_ids: Vec<&str> = config.diff_ids().collect();
        if diff_ids.len() != layers.len() {
            let (layers, diff_ids) = (layers.len(), diff_ids.len());
            return Err(BaseError::Layers { layers, diff_ids });
        }
        let mut tree = Tree::new();
        for (layer, diff_id) in layers.iter().zip(diff_ids) {
            let wrong =
                |problem: BaseLayerProblem| BaseError::Layer { digest: layer.digest, problem };
            let index = self.read_index(layer)?;
            if index.diff_id != diff_id {
                let (expected, found) = (diff_id.to_owned(), index.diff_id);
                return Err(wrong(LayerProblem::DiffId { expected, found }.into()));
            }
            let (location, digest, size) = (location.clone(), layer.digest, layer.size);
            let archive = Arc::new(TarOrigin::Layer { location, digest, size });
            overlay::apply_layer(&mut tree, &index, &archive)
                .map_err(|error| wrong(error.into()))?;
            if tree.len() > FILES_MAX {
                return Err(wrong(BaseLayerProblem::TooMany(FILES_MAX)));
            }
        }
        tree.forget_changes();
        Ok(tree)
    }

    fn read_index(&self, layer: &BaseLayer) -> Result<LayerIndex, BaseError> {
        if let Some(index) = self.loader.cache.and_then(|dir| store::load_index(dir, layer.digest))
        {
            return Ok(index);
        }
        let images = self.loader.opener.open_images(self.location)?;
        let blob = images.into_blob_reader(layer.digest, layer.size)?;
        let index =
            LayerIndex::read(blob, layer, self.loader.limits, self.loader.progress).map_err(
                |problem| BaseError::Layer { digest: layer.digest, problem: problem.into() },
            )?;
        if let Some(dir) = self.loader.cache {
            self.loader.report_cache_error(store::save_index(dir, layer.digest, &index));
        }
        Ok(index)
    }
}

/// Documents that were read before are taken from the cache.
impl DocumentSource for BaseReader<'_> {
    fn read_document(&self, digest: Digest) -> Result<Option<Document>, StorageError> {
        let known = self.loader.cache.and_then(|dir| store::load_document(dir, digest));
        if let Some(document) = known.and_then(|bytes| Document::parse("", bytes).ok()) {
            return Ok(Some(document));
        }
        let document = self.images()?.read_document(digest)?;
        if let Some(document) = &document {
            self.cache_document(&document.bytes);
        }
        Ok(document)
    }

    fn read_config(
        &self,
        config: &Descriptor,
        limits: &DocumentLimits,
    ) -> Result<Vec<u8>, WalkError> {
        if let Some(bytes) =
            self.loader.cache.and_then(|dir| store::load_document(dir, config.digest))
        {
            return Ok(bytes);
        }
        let bytes = self.images()?.read_config(config, limits)?;
        self.cache_document(&bytes);
        Ok(bytes)
    }
}

/// Returns the location with the digest that was found there.
fn pin_digest(location: &ImageLocation, digest: Digest) -> ImageLocation {
    match location {
        ImageLocation::Registry(name) => ImageLocation::Registry(name.with_digest(digest)),
        ImageLocation::Local(local) => {
            ImageLocation::Local(LocalImage { name: Some(digest.to_string()), ..local.clone() })
        }
    }
}

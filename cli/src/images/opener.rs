//! Opens the *locations* of images: registries, layouts, archives.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use diskette_builder::oci::error::StorageError;
use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::location::{ImageLocation, LocalImage, StoreKind};
use diskette_builder::oci::images::{ImageOpener, Images};
use diskette_builder::oci::store::{ArchiveImages, LayoutImages};
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::{RegistryClient, RegistryImages};

use crate::arguments::credentials::BaseRegistry;
use crate::files::open_dir;
use crate::images::open_archive;
use crate::signatures::{RequiredSignatures, RequirementError};

/// Opens registries, layouts and archives.
#[derive(Debug)]
pub(crate) struct LocationOpener<'a> {
    registry: &'a RegistryClient,
    /// The one registry that images may be in, as a credential of an option is for it.
    bases: Option<BaseRegistry>,
    /// Directory that relative paths of layouts and archives begin at; empty for the working directory.
    directory: PathBuf,
    /// Archives that were opened, by path: a stream can be read only once, and a compressed one is unpacked only once.
    archives: Mutex<BTreeMap<PathBuf, ArchiveImages>>,
    /// Signatures that images must have.
    required: Option<&'a RequiredSignatures>,
}

impl<'a> LocationOpener<'a> {
    /// Returns an opener that has opened no archive yet.
    pub(crate) fn new(
        registry: &'a RegistryClient,
        bases: Option<BaseRegistry>,
        directory: PathBuf,
    ) -> Self {
        Self { registry, bases, directory, archives: Mutex::default(), required: None }
    }

    /// Requires signatures of the images that are used.
    #[must_use]
    pub(crate) fn with_required(self, required: Option<&'a RequiredSignatures>) -> Self {
        Self { required, ..self }
    }

    /// Returns a location with the path that a relative one stands for.
    fn resolve(&self, location: &ImageLocation) -> ImageLocation {
        match location {
            ImageLocation::Local(local) if !local.is_stream() => {
                let path = self.directory.join(&local.path);
                ImageLocation::Local(LocalImage { path, ..local.clone() })
            }
            location => location.clone(),
        }
    }

    fn open_archive(&self, path: PathBuf) -> Result<ArchiveImages, StorageError> {
        let mut archives = self.archives.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = archives.get(&path) {
            return Ok(opened.clone());
        }
        let opened = open_archive(&path)?;
        archives.insert(path, opened.clone());
        Ok(opened)
    }
}

impl ImageOpener for LocationOpener<'_> {
    fn open_images(&self, location: &ImageLocation) -> Result<Box<dyn Images + '_>, StorageError> {
        match location {
            ImageLocation::Registry(name)
                if self.bases.as_ref().is_some_and(|bases| !bases.admit(name)) =>
            {
                Err(StorageError::Unexpected {
                    path: name.to_string(),
                    problem: "is in another registry than the base that `--creds` is for; use \
                              `diskette login` for each registry"
                        .into(),
                })
            }
            ImageLocation::Registry(name) => {
                Ok(Box::new(RegistryImages::new(self.registry.source_repositories(name)?)))
            }
            ImageLocation::Local(local) if local.store == StoreKind::Layout => {
                let path = self.directory.join(&local.path);
                let name = path.display().to_string();
                let dir = open_dir(&path).map_err(|source| StorageError::Io {
                    act: "open the layout",
                    path: name.clone(),
                    source,
                })?;
                Ok(Box::new(LayoutImages::open(dir, &name)?))
            }
            ImageLocation::Local(local) if local.is_stream() => {
                Ok(Box::new(self.open_archive(local.path.clone())?))
            }
            ImageLocation::Local(local) => {
                Ok(Box::new(self.open_archive(self.directory.join(&local.path))?))
            }
        }
    }

    fn check_root(&self, location: &ImageLocation, root: &Document) -> Result<(), StorageError> {
        let Some(required) = self.required else { return Ok(()) };
        let images = self.open_images(location)?;
        match required.check(&self.resolve(location), &*images, root, None) {
            Ok(_) => Ok(()),
            Err(RequirementError::Signature(error)) => Err(error.into()),
            Err(RequirementError::Policy(Diagnostic { message, help, .. })) => {
                Err(StorageError::Refused { message, help: help.into_iter().next() })
            }
        }
    }
}

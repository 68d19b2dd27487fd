//! Opens the *locations* of images: registries, layouts, archives.

use std::path::PathBuf;

use diskette_builder::oci::error::StorageError;
use diskette_builder::oci::image::location::{ImageLocation, StoreKind};
use diskette_builder::oci::images::{ImageOpener, Images};
use diskette_builder::oci::store::LayoutImages;
use diskette_builder::registry::client::{RegistryClient, RegistryImages};

use crate::arguments::credentials::BaseRegistry;
use crate::files::open_dir;
use crate::images::open_archive;

/// Opens registries, layouts and archives.
#[derive(Debug)]
pub(crate) struct LocationOpener<'a> {
    pub(crate) registry: &'a RegistryClient,
    /// The one registry that images may be in, as a credential of an option is for it.
    pub(crate) bases: Option<BaseRegistry>,
    /// Directory that relative paths of layouts and archives begin at; empty for the working directory.
    pub(crate) directory: PathBuf,
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
                Ok(Box::new(open_archive(&local.path)?))
            }
            ImageLocation::Local(local) => {
                Ok(Box::new(open_archive(&self.directory.join(&local.path))?))
            }
        }
    }
}

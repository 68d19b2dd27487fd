//! Opens the *places* that images are taken from: registries, layouts, archives.

use diskette_builder::oci::error::StorageError;
use diskette_builder::oci::image::place::Place;
use diskette_builder::oci::images::{Images, Places};
use diskette_builder::oci::store::LayoutImages;
use diskette_builder::registry::client::{Registry, RegistryImages};

use crate::files::open_dir;
use crate::images::open_archive;

/// Registries, where there is need of any, and every layout and archive that a path leads
/// to.
#[derive(Debug)]
pub(crate) struct OpenPlaces<'a> {
    pub(crate) registry: Option<&'a Registry>,
}

impl Places for OpenPlaces<'_> {
    fn images(&self, place: &Place) -> Result<Box<dyn Images + '_>, StorageError> {
        match (place, self.registry) {
            (Place::Registry(name), Some(registry)) => {
                Ok(Box::new(RegistryImages::new(registry.sources(name)?)))
            }
            (Place::Registry(name), None) => Err(StorageError::Foreign {
                place: name.to_string(),
                problem: "is in a registry, and this command uses none".into(),
            }),
            (Place::Layout(path, _), _) => {
                let name = path.display().to_string();
                let dir = open_dir(path).map_err(|source| StorageError::Io {
                    act: "open the layout",
                    place: name.clone(),
                    source,
                })?;
                Ok(Box::new(LayoutImages::open(dir, &name)?))
            }
            (Place::Archive(path, _), _) => Ok(Box::new(open_archive(path)?)),
        }
    }
}

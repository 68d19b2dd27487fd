//! The *packages* in a disk that is built, read from its source before the build.

use std::sync::Arc;

use super::file::{OpenedFile, check_unchanged};
use super::{Source, SourceError, SourceErrorKind, SourceKind};
use crate::disk::ReadAt;
use crate::disk::guest::open_any;
use crate::sbom::error::InventoryError;
use crate::sbom::guest::read_inventory;
use crate::sbom::inventory::Inventory;

impl<'a> Source<'a> {
    /// Lists the packages in a disk, whose file has to be one that can be read in any order.
    pub(crate) fn read_packages(&self) -> Result<Inventory, SourceError> {
        self.read_inventory().map_err(|kind| self.error(kind))
    }

    fn read_inventory(&self) -> Result<Inventory, SourceErrorKind> {
        let file = self.packaged_file().ok_or(SourceErrorKind::Packages)?;
        let bytes: Arc<dyn ReadAt> = Arc::new(file.bytes()?);
        let (_, guest) = open_any(bytes)?;
        let inventory = read_inventory(&*guest).map_err(|error| match error {
            InventoryError::Io(error) => error.into(),
            error => SourceErrorKind::Inventory(error.to_string()),
        })?;
        check_unchanged(&*file.open_unchanged()?, &file.identity)?;
        Ok(inventory)
    }

    /// Returns the file of the disk, if it is one that is not compressed.
    fn packaged_file(&self) -> Option<&OpenedFile<'a>> {
        match &self.kind {
            SourceKind::File(plain) => Some(&plain.file),
            SourceKind::Converted(disk) => disk.only_file(),
            _ => None,
        }
    }
}

//! The *packages* in the disk of an image.

use thiserror::Error;

use super::extract::{ExtractError, choose_layer};
use super::facts::ContentKind;
use super::guest::{DiskContext, Traffic, open_disk};
use super::vm::disk_name;
use crate::oci::error::StorageError;
use crate::oci::hashing::BlobProblem;
use crate::oci::image_documents::PlatformImage;
use crate::oci::layer_tar::LayerProblem;
use crate::sbom::error::InventoryError;
use crate::sbom::guest::read_disk_inventory;
use crate::sbom::inventory::Inventory;

/// Why the packages in the disk of an image cannot be listed.
#[derive(Debug, Error)]
pub enum PackagesError {
    /// The disk cannot be taken out of the image.
    #[error(transparent)]
    Disk(ExtractError),
    /// What is on the disk cannot be read.
    #[error(transparent)]
    Inventory(InventoryError),
}

impl PackagesError {
    /// Returns whether a retry may succeed.
    pub(crate) fn is_temporary(&self) -> bool {
        matches!(self, Self::Disk(ExtractError::Images(error)) if error.is_temporary())
    }

    /// Returns whether the user asked to stop.
    pub(crate) fn is_cancelled(&self) -> bool {
        matches!(
            self,
            Self::Disk(ExtractError::Cancelled | ExtractError::Images(StorageError::Cancelled))
        )
    }
}

impl From<ExtractError> for PackagesError {
    /// What fails while a layer is read is an error of the server that has it.
    fn from(error: ExtractError) -> Self {
        let ExtractError::Layer { number, digest, problem } = error else {
            return Self::Disk(error);
        };
        let LayerProblem::Blob(BlobProblem::Read(error)) = problem else {
            return Self::Disk(ExtractError::Layer { number, digest, problem });
        };
        Self::Disk(match error.downcast::<StorageError>() {
            Ok(error) => ExtractError::Images(error),
            Err(error) => {
                ExtractError::Layer { number, digest, problem: BlobProblem::Read(error).into() }
            }
        })
    }
}

impl From<InventoryError> for PackagesError {
    /// What fails while the disk is read is an error of the server that has it.
    fn from(error: InventoryError) -> Self {
        let InventoryError::Io(error) = error else { return Self::Inventory(error) };
        match error.downcast::<StorageError>() {
            Ok(error) => Self::Disk(ExtractError::Images(error)),
            Err(error) => Self::Inventory(InventoryError::Io(error)),
        }
    }
}

/// The packages in the disk of an image.
#[derive(Debug)]
pub struct ImagePackages {
    /// The system and its packages.
    pub inventory: Inventory,
    /// Name of the disk, if it is one of a VM artifact, or of several in another artifact.
    pub disk: Option<String>,
    /// What was read of the image's layers.
    pub traffic: Traffic,
}

/// Lists the packages in the disk of an image; `None` if the disk could only be written to a
/// file, and no file is made.
pub fn read_image_packages(
    image: &PlatformImage,
    context: &DiskContext<'_>,
) -> Result<Option<ImagePackages>, PackagesError> {
    let Some(opened) = open_disk(image, context)? else { return Ok(None) };
    let inventory = read_disk_inventory(opened.file)?;
    let disk = disk_label(image, context.disk)?;
    Ok(Some(ImagePackages { inventory, disk, traffic: opened.traffic }))
}

/// Returns the name that tells a disk of an artifact from the others.
fn disk_label(image: &PlatformImage, disk: Option<&str>) -> Result<Option<String>, ExtractError> {
    if let ContentKind::Image = ContentKind::of(image) {
        return Ok(None);
    }
    let (_, layer) = choose_layer(image, disk)?;
    let volume = Some(disk_name(layer)).filter(|name| !name.is_empty());
    let is_one_of_several = image.layers.len() > 1;
    Ok(volume.or(disk.filter(|_| is_one_of_several)).map(str::to_owned))
}

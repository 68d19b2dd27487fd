//! *Images* that commands read: opening them, and finding one among them.

pub(crate) mod attach;
pub(crate) mod beside;
pub(crate) mod bundle;
pub(crate) mod changes;
pub(crate) mod disk_error;
pub(crate) mod inventory;
pub(crate) mod opener;
pub(crate) mod subject;

use std::path::Path;

use diskette_builder::oci::error::StorageError;
use diskette_builder::oci::image::location::{LocalImage, StoreKind};
use diskette_builder::oci::images::Images;
use diskette_builder::oci::store::{ArchiveImages, LayoutImages, must_be_unpacked, unpack_archive};

use crate::environment::temporary_directory;
use crate::error::{CommandError, cannot};
use crate::files::{open_dir, open_file};

/// Opens a layout for reading.
pub(crate) fn open_layout(path: &Path) -> Result<LayoutImages, CommandError> {
    let dir = open_dir(path).map_err(cannot("open the layout", path.display()))?;
    Ok(LayoutImages::open(dir, &path.display().to_string())?)
}

/// Opens a layout or an archive for reading.
pub(crate) fn open_local_images(local: &LocalImage) -> Result<Box<dyn Images>, CommandError> {
    Ok(match local.store {
        StoreKind::Layout => Box::new(open_layout(&local.path)?),
        StoreKind::OciArchive | StoreKind::DockerArchive => Box::new(open_archive(&local.path)?),
    })
}

/// Opens an archive for reading.
pub(crate) fn open_archive(path: &Path) -> Result<ArchiveImages, StorageError> {
    let name = path.display().to_string();
    let path = if path == Path::new("-") { Path::new("/dev/stdin") } else { path };
    let file = open_file(path).map_err(|source| StorageError::Io {
        act: "open the archive",
        path: name.clone(),
        source,
    })?;
    let unpack_error = |act| {
        let path = name.clone();
        move |source| StorageError::Io { act, path, source }
    };
    if !must_be_unpacked(&file).map_err(unpack_error("read the archive"))? {
        return ArchiveImages::open(file, &name);
    }
    let temporary = open_dir(&temporary_directory()).map_err(unpack_error("unpack the archive"))?;
    let file = unpack_archive(file, &temporary).map_err(unpack_error("unpack the archive"))?;
    ArchiveImages::open(file, &name)
}

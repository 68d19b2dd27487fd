//! The *inventory* of a disk: what is installed in it, wherever the disk is.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cap_std::fs::Dir;
use cap_tempfile::TempFile;
use diskette_builder::disk::guest::GuestError;
use diskette_builder::disk::{DiskFormat, ReadAt};
use diskette_builder::inspect::extract::ExtractError;
use diskette_builder::inspect::guest::{DiskContext, PartReading, spool_stream};
use diskette_builder::inspect::packages::{ImagePackages, PackagesError, read_image_packages};
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image_documents::{PlatformImage, read_documents};
use diskette_builder::oci::images::Images;
use diskette_builder::oci::progress::Progress;
use diskette_builder::oci::tar::TarLimits;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::RegistryClient;
use diskette_builder::sbom::error::InventoryError;
use diskette_builder::sbom::guest::read_disk_inventory;
use diskette_builder::sbom::inventory::Inventory;
use indicatif::HumanBytes;

use crate::arguments::disk_or_image::DiskOrImage;
use crate::error::{CommandError, cannot};
use crate::files::disk_file::DiskFile;
use crate::files::{open_dir, open_file};
use crate::images::disk_error::disk_error;
use crate::images::subject::{ImageSubject, choose_platform};

/// The inventory of a disk, and what reading it took.
pub(crate) struct ReadInventory {
    pub(crate) inventory: Inventory,
    /// Name of the disk, if it is one of an artifact.
    pub(crate) disk: Option<String>,
    /// How much was read, as a phrase.
    pub(crate) traffic: String,
}

/// An inventory, and what its disk is called in documents.
pub(crate) struct NamedInventory {
    pub(crate) name: String,
    /// Digest of the image.
    pub(crate) version: Option<String>,
    pub(crate) read: ReadInventory,
}

/// Which disk of an image is read.
pub(crate) struct ChosenDisk<'a> {
    pub(crate) platform: Option<&'a Platform>,
    /// Name of the disk, if it is one of an artifact.
    pub(crate) disk: Option<&'a str>,
}

/// A directory for disks that can be read only from front to back.
pub(crate) struct Spool {
    path: PathBuf,
    dir: Dir,
}

impl Spool {
    /// Opens the directory.
    pub(crate) fn open(path: &Path) -> Result<Self, CommandError> {
        let dir = open_dir(path).map_err(cannot("open the directory", path.display()))?;
        Ok(Self { path: path.to_owned(), dir })
    }

    /// Makes a file without a name.
    pub(crate) fn make_file(&self) -> io::Result<File> {
        Ok(TempFile::new_anonymous(&self.dir)?.into_std())
    }
}

/// Reads the inventory of a disk, which is a file or in an image.
pub(crate) fn read_disk_or_image(
    subject: &DiskOrImage,
    chosen: &ChosenDisk<'_>,
    registry: &RegistryClient,
    spool: &Spool,
    progress: &dyn Progress,
) -> Result<NamedInventory, CommandError> {
    let location = match subject {
        DiskOrImage::Image(location) => location,
        DiskOrImage::Disk(path) => {
            refuse_choice(path, chosen)?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let read = read_file_inventory(path, Some(spool))?;
            return Ok(NamedInventory { name, version: None, read });
        }
    };
    let subject = ImageSubject::find(location, registry)?;
    let documents = read_documents(&*subject.images, subject.root)?;
    let image = choose_platform(&documents, chosen.platform, location)?;
    let name = location.to_string();
    let from = (&*subject.images, &*name);
    let read = read_image_inventory(image, from, chosen.disk, Some(spool), progress)?;
    let read = read.ok_or_else(|| Diagnostic::new(format!("there is no disk in `{name}`")))?;
    Ok(NamedInventory { name, version: Some(image.manifest.digest.to_string()), read })
}

/// Fails if a platform or the name of a disk was given for a file.
fn refuse_choice(path: &Path, chosen: &ChosenDisk<'_>) -> Result<(), CommandError> {
    let options = [("--platform", chosen.platform.is_some()), ("--disk", chosen.disk.is_some())];
    let Some((option, _)) = options.into_iter().find(|(_, is_given)| *is_given) else {
        return Ok(());
    };
    let message = format!("`{}` is the file of a disk", path.display());
    Err(CommandError::Usage(Diagnostic::new(message).help(format!("leave out `{option}`"))))
}

/// Reads the inventory of the file of a disk. Without `spool` one that is compressed is not read.
pub(crate) fn read_file_inventory(
    path: &Path,
    spool: Option<&Spool>,
) -> Result<ReadInventory, CommandError> {
    let name = path.display().to_string();
    let unread = |error: io::Error| CommandError::from(cannot("read", &name)(error));
    let file = DiskFile::open(path).map_err(unread)?;
    let counted = Arc::new(CountedDisk { disk: file, read: AtomicU64::new(0) });
    let file = Arc::clone(&counted) as Arc<dyn ReadAt>;
    let unlisted = |error| inventory_error(error, &name);
    let inventory = match (read_disk_inventory(file), spool) {
        (Err(error), Some(spool)) if is_compressed(&error) => {
            let stream = open_file(path).map_err(unread)?;
            let spooled = spool.make_file().and_then(|file| spool_stream(stream, file));
            let spooled = spooled.map_err(cannot("decompress", &name))?;
            counted.read.store(counted.len(), Ordering::Relaxed);
            read_disk_inventory(spooled).map_err(unlisted)?
        }
        (read, _) => read.map_err(unlisted)?,
    };
    let traffic = traffic_text(counted.read.load(Ordering::Relaxed), counted.len());
    Ok(ReadInventory { inventory, disk: None, traffic })
}

/// Returns whether a disk was not read because its file is compressed.
fn is_compressed(error: &InventoryError) -> bool {
    matches!(error, InventoryError::Format(GuestError::Unsupported(DiskFormat::Compressed(_))))
}

/// Reads the inventory of the disk of an image. `disk` is its name, if it is one of an artifact.
pub(crate) fn read_image_inventory(
    image: &PlatformImage,
    from: (&dyn Images, &str),
    disk: Option<&str>,
    spool: Option<&Spool>,
    progress: &dyn Progress,
) -> Result<Option<ReadInventory>, CommandError> {
    read_inventory_by(image, from, disk, spool, PartReading::Any, progress)
}

/// Reads the inventory of the disk of an image, of which everything is checked that is used.
pub(crate) fn read_checked_inventory(
    image: &PlatformImage,
    from: (&dyn Images, &str),
    disk: Option<&str>,
    spool: &Spool,
    progress: &dyn Progress,
) -> Result<ReadInventory, CommandError> {
    let parts = PartReading::Checked;
    let read = read_inventory_by(image, from, disk, Some(spool), parts, progress)?;
    read.ok_or_else(|| Diagnostic::new(format!("there is no disk in `{}`", from.1)).into())
}

fn read_inventory_by(
    image: &PlatformImage,
    (images, location): (&dyn Images, &str),
    disk: Option<&str>,
    spool: Option<&Spool>,
    parts: PartReading,
    progress: &dyn Progress,
) -> Result<Option<ReadInventory>, CommandError> {
    let make_file = || match spool {
        Some(spool) => spool.make_file(),
        None => Err(io::ErrorKind::Unsupported.into()),
    };
    let context = DiskContext {
        images,
        disk,
        spool: spool.map(|_| &make_file as &dyn Fn() -> io::Result<File>),
        parts,
        limits: TarLimits::default(),
        progress,
    };
    let read = read_image_packages(image, &context).map_err(|error| match (error, spool) {
        (PackagesError::Disk(ExtractError::Output(error)), Some(spool)) => {
            let diagnostic = cannot("write the disk to", spool.path.display())(error);
            diagnostic.help("name a directory with more space: `--spool DIR`").into()
        }
        (PackagesError::Disk(error), _) => disk_error(error, "read", location, image),
        (PackagesError::Inventory(error), _) => inventory_error(error, location),
    })?;
    Ok(read.map(|ImagePackages { inventory, disk, traffic }| {
        let traffic = traffic_text(traffic.read(), traffic.total());
        ReadInventory { inventory, disk, traffic }
    }))
}

fn traffic_text(read: u64, total: u64) -> String {
    format!("read {} of {}", HumanBytes(read), HumanBytes(total))
}

/// Returns the error for a disk whose packages cannot be listed; that of a registry is its own again.
fn inventory_error(error: InventoryError, name: &str) -> CommandError {
    let failed = |error: &dyn std::fmt::Display| {
        Diagnostic::new(format!("cannot list the packages in the disk of `{name}`: {error}"))
    };
    match error {
        InventoryError::Io(error) => cannot("read the disk of", name)(error).into(),
        error @ InventoryError::NoSystem(_) => {
            let help =
                "ext2, ext3, ext4, XFS and btrfs in partitions or on the whole disk are read";
            failed(&error).help(help).into()
        }
        error => failed(&error).into(),
    }
}

/// A disk whose reads are counted.
struct CountedDisk<D> {
    disk: D,
    read: AtomicU64,
}

impl<D: ReadAt> ReadAt for CountedDisk<D> {
    fn len(&self) -> u64 {
        self.disk.len()
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        self.read.fetch_add(space.len() as u64, Ordering::Relaxed);
        self.disk.read_exact_at(space, at)
    }
}

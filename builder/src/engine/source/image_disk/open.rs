//! *Opens* the disk of an image.

use super::choice::{ChosenDisk, DiskLayer, choose_disk};
use super::{ContainerDisk, ImageRoots};
use crate::engine::source::blob::ImageBlob;
use crate::engine::source::judge::DiskJudge;
use crate::engine::source::stream::StreamChecks;
use crate::engine::source::{SourceErrorKind, SourceKind};
use crate::oci::images::ImageOpener;
use crate::recipe::ImageDisk;

/// Opens the disk of an image: its documents are read, and of a containerDisk the layers up to the disk.
pub(in crate::engine::source) fn open_image_disk<'a>(
    opener: &'a dyn ImageOpener,
    roots: &ImageRoots,
    image: &'a ImageDisk,
    judge: Option<DiskJudge<'a>>,
) -> Result<SourceKind<'a>, SourceErrorKind> {
    let location = &image.location;
    let images = opener.open_images(location)?;
    let root = roots.find(location, &*images, opener)?;
    let chosen = choose_disk(&*images, &root, image)?;
    let blob = |digest, size| ImageBlob { images: opener, location, digest, size };
    let (size, kind) = match chosen {
        ChosenDisk::Container(layers) => {
            let layers = layers.into_iter().map(|it| (blob(it.digest, it.size), it.diff_id));
            let disk = ContainerDisk::find(layers, image.disk.as_deref(), judge)?;
            (disk.size(), SourceKind::Contained(Box::new(disk)))
        }
        ChosenDisk::Layer(DiskLayer { digest, size, compression, declared }) => {
            let blob = blob(digest, size);
            let checksum = Some(blob.checksum());
            let checks = StreamChecks { checksum, judge, declared, ..StreamChecks::default() };
            (size, SourceKind::Blob { blob, compression, checks })
        }
    };
    if size == 0 { Err(SourceErrorKind::Empty) } else { Ok(kind) }
}

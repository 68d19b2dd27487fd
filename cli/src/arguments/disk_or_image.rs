//! An argument that names an image, or the file of a *disk*.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use diskette_builder::oci::image::location::ImageLocation;

use super::image_name::parse_source;
use crate::files::disk_file::is_archive_file;

/// An image, or the file of a disk.
#[derive(Debug, Clone)]
pub(crate) enum DiskOrImage {
    Image(ImageLocation),
    Disk(PathBuf),
}

impl FromStr for DiskOrImage {
    type Err = String;

    /// Parses an image, or a file: one that is not an archive is a disk.
    fn from_str(text: &str) -> Result<Self, String> {
        let path = Path::new(text);
        if path.is_file() && !is_archive_file(path) {
            return Ok(Self::Disk(path.into()));
        }
        parse_source(text).map(Self::Image)
    }
}

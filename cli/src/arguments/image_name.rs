//! *Image names* on the command line. All commands and `-o` have one grammar, which is
//! [`ImageLocation::parse`]; here it looks at the paths that exist.

use std::path::Path;

use diskette_builder::oci::image::location::{
    FoundPath, ImageLocation, LocalImage, NameUse, has_registry_host,
};
use diskette_builder::oci::image::reference::Reference;

use crate::files::disk_file::{has_disk_name, is_disk_file};

/// Parses an image that is read, in a registry, a layout or an archive.
pub(crate) fn parse_source(text: &str) -> Result<ImageLocation, String> {
    ImageLocation::parse(text, NameUse::Source, &find_path)
}

/// Parses where an image is copied to.
pub(crate) fn parse_target(text: &str) -> Result<ImageLocation, String> {
    ImageLocation::parse(text, NameUse::Target, &find_path)
}

/// Parses a layout or an archive; a short name is a directory.
pub(crate) fn parse_local(text: &str) -> Result<LocalImage, String> {
    match ImageLocation::parse(text, NameUse::Output, &find_path)? {
        ImageLocation::Local(local) => Ok(local),
        ImageLocation::Registry(name) => {
            Err(format!("a layout or an archive is expected, and `{name}` is in a registry"))
        }
    }
}

/// Parses the name of an image in a registry.
pub(crate) fn parse_reference(text: &str) -> Result<Reference, String> {
    match ImageLocation::parse(text, NameUse::Registry, &find_path)? {
        ImageLocation::Registry(name) => Ok(name),
        ImageLocation::Local(local) => Err(format!("`{local}` is not in a registry")),
    }
}

/// Returns what exists at a path.
pub(super) fn find_path(text: &str) -> FoundPath {
    let path = Path::new(text);
    if path.is_dir() {
        let is_layout = path.join("oci-layout").is_file() || path.join("index.json").is_file();
        return if is_layout { FoundPath::Layout } else { FoundPath::Directory };
    }
    if path.is_file() {
        return if is_disk_file(path) { FoundPath::Disk } else { FoundPath::File };
    }
    if path.exists() {
        return FoundPath::File;
    }
    let is_disk = has_disk_name(text) && !has_registry_host(text);
    if is_disk { FoundPath::Disk } else { FoundPath::Nothing }
}

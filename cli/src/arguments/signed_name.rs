//! The *name* that an image is signed for.

use diskette_builder::oci::image::location::{ImageLocation, LocalImage};
use diskette_builder::oci::image::ref_name::LayoutName;
use diskette_builder::oci::image::reference::Reference;

/// Returns the name of an image in a registry: that of its location, or the full name that it has in a layout.
pub(crate) fn find_reference(location: &ImageLocation) -> Option<Reference> {
    match location {
        ImageLocation::Registry(name) => Some(name.clone()),
        ImageLocation::Local(LocalImage { name: Some(name), .. }) => match name.parse() {
            Ok(LayoutName::Full(name)) => Some(name),
            _ => None,
        },
        ImageLocation::Local(_) => None,
    }
}

/// Returns a name as a signature has it: with its tag, or the repository alone for an image that is named by its digest.
pub(crate) fn signed_name(name: &Reference) -> String {
    name.without_digest().map_or_else(|| name.full_repository(), |name| name.to_string())
}

//! Finds the images that are copied, and refuses those that must not be.

use diskette_builder::oci::copy::choose_platform;
use diskette_builder::oci::image::digest::Digest;
use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::ref_name::RefName;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::images::Images;

use super::CopyArguments;
use super::names::{destination_names, own_names, source_location, source_name};
use crate::arguments::signing::SigningKey;
use crate::error::{CommandError, image_not_found};
use crate::images::subject::ambiguous_image;
use crate::signatures::RequiredSignatures;

/// Finds images of the source.
pub(super) struct ImageFinder<'a> {
    pub(super) arguments: &'a CopyArguments,
    pub(super) images: &'a dyn Images,
    /// Key that copies are signed with.
    pub(super) signing: Option<&'a SigningKey>,
    /// Signatures that images must have.
    pub(super) required: Option<&'a RequiredSignatures>,
}

/// An image that may be copied.
pub(super) struct FoundImage {
    /// Its index, or the manifest of the platform that is copied.
    pub(super) root: Document,
    /// Names that the copy gets.
    pub(super) names: Vec<Reference>,
    /// Tag that the copy gets in a layout if it has no names.
    pub(super) tag: Option<RefName>,
    /// Whether it is a signature or another attachment of an image that is not copied, and keeps its name.
    pub(super) is_attachment: bool,
}

impl ImageFinder<'_> {
    /// Finds an image by its tag; without a tag, the only one.
    pub(super) fn find(&self, tag: Option<&str>) -> Result<FoundImage, CommandError> {
        let (arguments, images) = (self.arguments, self.images);
        let image = self.find_root(tag)?;
        let (own, platform) = (own_names(images, &image, tag), arguments.platform.as_ref());
        let is_attachment = arguments.all_tags && tag.and_then(attachment_subject).is_some();
        if let Some(required) = self.required.filter(|_| !is_attachment) {
            required.check(&source_location(arguments, tag), images, &image, platform)?;
        }
        let root = choose_platform(images, image, platform, &arguments.source.to_string())?;
        let (names, tag) = destination_names(arguments, tag, own)?;
        let signing = self.signing.filter(|_| !is_attachment);
        signing.map_or(Ok(()), |key| key.check_names(&names))?;
        Ok(FoundImage { root, names, tag, is_attachment })
    }

    fn find_root(&self, tag: Option<&str>) -> Result<Document, CommandError> {
        let (arguments, images) = (self.arguments, self.images);
        match tag {
            Some(tag) => {
                let found = images.find_image(tag)?;
                found.ok_or_else(|| image_not_found(&source_name(arguments, tag)))
            }
            None => images.only_image()?.ok_or_else(|| ambiguous_image(&arguments.source, images)),
        }
    }
}

/// Returns the digest of the image whose attachments have this name.
pub(super) fn attachment_subject(name: &str) -> Option<Digest> {
    name.parse::<RefName>().ok()?.tag()?.subject()
}

//! A *subject* is the finished image that a command reads from a registry, a layout or an archive.

use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::image::nearest::PlatformNotFound;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image::ref_name::RefName;
use diskette_builder::oci::image_documents::{ImageDocuments, PlatformImage};
use diskette_builder::oci::images::Images;
use diskette_builder::oci::walk::WalkError;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::{RegistryClient, RegistryImages};

use crate::error::{CommandError, image_not_found, storage_error};
use crate::images::open_local_images;

/// The image that a command reads, and the images that it is among.
pub(crate) struct ImageSubject<'a> {
    pub(crate) images: Box<dyn Images + 'a>,
    /// Index or manifest that the name refers to.
    pub(crate) root: Document,
}

impl<'a> ImageSubject<'a> {
    /// Finds the image.
    pub(crate) fn find(
        location: &ImageLocation,
        registry: &'a RegistryClient,
    ) -> Result<Self, CommandError> {
        Self::find_among(open_images_at(location, registry)?, location)
    }

    /// Finds the image among images that were opened.
    pub(crate) fn find_among(
        images: Box<dyn Images + 'a>,
        location: &ImageLocation,
    ) -> Result<Self, CommandError> {
        let root = match location.image_name() {
            Some(name) => {
                images.find_image(name)?.ok_or_else(|| image_not_found(&location.to_string()))?
            }
            None => images.only_image()?.ok_or_else(|| ambiguous_image(location, &*images))?,
        };
        Ok(Self { images, root })
    }
}

/// Chooses the image of a platform. Of several, the default is the one for this machine, as in
/// podman and docker.
pub(crate) fn choose_platform<'s>(
    documents: &'s ImageDocuments,
    wanted: Option<&Platform>,
    location: &ImageLocation,
) -> Result<&'s PlatformImage, CommandError> {
    let images: Vec<&PlatformImage> = documents.without_attestations().collect();
    if let (None, [only]) = (wanted, &images[..]) {
        return Ok(only);
    }
    let this = Platform::host();
    let number = documents.choose_platform(wanted.unwrap_or(&this), &location.to_string())?;
    Ok(&documents.images[number])
}

impl From<WalkError> for CommandError {
    fn from(error: WalkError) -> Self {
        match error {
            WalkError::Storage(error) => error.into(),
            error => Diagnostic::new(error.to_string()).into(),
        }
    }
}

impl From<PlatformNotFound> for CommandError {
    fn from(error: PlatformNotFound) -> Self {
        let diagnostic = Diagnostic::new(error.to_string());
        Self::Usage(match error.found[..] {
            [] => diagnostic,
            _ => diagnostic.help("choose one of them with `--platform`"),
        })
    }
}

/// Opens the images of the registry, layout or archive of a location.
pub(crate) fn open_images_at<'a>(
    location: &ImageLocation,
    registry: &'a RegistryClient,
) -> Result<Box<dyn Images + 'a>, CommandError> {
    Ok(match location {
        ImageLocation::Registry(name) => Box::new(RegistryImages::new(
            registry.source_repositories(name).map_err(storage_error)?,
        )),
        ImageLocation::Local(local) => open_local_images(local)?,
    })
}

/// Returns the error for a location with several images, or none, if no name was given.
pub(crate) fn ambiguous_image(location: &ImageLocation, images: &dyn Images) -> CommandError {
    let tags = match images.tags() {
        Ok(tags) => tags,
        Err(error) => return error.into(),
    };
    let tags: Vec<RefName> = tags.into_iter().filter(|tag| !tag.is_of_attachments()).collect();
    let diagnostic = Diagnostic::new(format!("which image of `{location}`?"));
    let help = match &tags[..] {
        [] => "it has no images with names".to_owned(),
        [tag, ..] => {
            let all: Vec<&str> = tags.iter().map(RefName::as_str).collect();
            format!("it has {}; use for example `{location}:{tag}`", all.join(", "))
        }
    };
    CommandError::Usage(diagnostic.help(help))
}

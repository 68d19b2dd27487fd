//! An image, and the sink that writes *beside* it: what belongs to an image is kept in its repository or layout.

use diskette_builder::oci::image::location::{ImageLocation, StoreKind};
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::sink::Sink;
use diskette_builder::oci::store::LayoutSink;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::{RegistryClient, RegistryImages, RegistrySink};

use crate::error::{CommandError, cannot, storage_error};
use crate::files::open_dir;
use crate::images::subject::ImageSubject;

/// An image that something is attached to.
pub(crate) struct BesideImage<'a> {
    pub(crate) subject: ImageSubject<'a>,
    /// Writes to the repository or the layout of the image.
    pub(crate) sink: Box<dyn Sink + 'a>,
    /// The repository; none of a layout.
    pub(crate) repository: Option<Reference>,
}

impl<'a> BesideImage<'a> {
    /// Finds the image. `participle` says what is done with it, for the error of an archive.
    pub(crate) fn find(
        location: &ImageLocation,
        registry: &'a RegistryClient,
        participle: &str,
    ) -> Result<Self, CommandError> {
        match location {
            ImageLocation::Registry(name) => {
                // Mirrors are not asked: an attachment belongs beside the image that it was made for.
                let repository = registry.target_repository(name).map_err(storage_error)?;
                let images = Box::new(RegistryImages::new(vec![repository]));
                let subject = ImageSubject::find_among(images, location)?;
                let sink = Box::new(RegistrySink::new(registry, 1));
                Ok(Self { subject, sink, repository: Some(name.clone()) })
            }
            ImageLocation::Local(local) if local.store == StoreKind::Layout => {
                let subject = ImageSubject::find(location, registry)?;
                let path = local.path.display().to_string();
                let dir = open_dir(&local.path).map_err(cannot("open the layout", &path))?;
                let sink = Box::new(LayoutSink::open(dir, &path)?);
                Ok(Self { subject, sink, repository: None })
            }
            ImageLocation::Local(_) => Err(archive_error(participle)),
        }
    }

    /// Returns the name of the image in a registry, as far as it has one.
    pub(crate) fn reference(&self, location: &ImageLocation) -> Option<Reference> {
        let of_layout =
            || self.subject.images.names_of(self.subject.root.digest).first()?.parse().ok();
        location.reference().or_else(of_layout)
    }
}

/// Returns the error for an image in an archive that would have to be changed.
pub(crate) fn archive_error(participle: &str) -> CommandError {
    let message = format!("an image in an archive cannot be {participle}");
    let help = "copy it to a layout first: `diskette copy oci-archive:FILE oci:DIR`";
    CommandError::Usage(Diagnostic::new(message).help(help))
}

//! `diskette inspect`.

mod json;
mod text;

use std::path::Path;

use clap::{Args, ValueEnum};
use diskette_builder::cluster::contract::examine_disk_by_rules;
use diskette_builder::inspect::artifact_kind;
use diskette_builder::inspect::overview::{ImageOverview, inspect_image};
use diskette_builder::oci::attachments::{Attachment, list_attachments};
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image_documents::{ImageDocuments, PlatformImage, read_documents};
use diskette_builder::oci::images::Images;
use diskette_builder::oci::progress::Progress;
use diskette_builder::oci::referrers::find_subjects;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::sbom::inventory::Inventory;

use crate::arguments::credentials::RegistryUse;
use crate::arguments::disk_or_image::DiskOrImage;
use crate::arguments::registry::RegistryArguments;
use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::files::disk_file::DiskFile;
use crate::images::inventory::{Spool, read_file_inventory, read_image_inventory};
use crate::images::subject::ImageSubject;
use crate::ui::Ui;
use crate::ui::progress::ProgressMode;

/// Show the contents of an image or a disk file.
///
/// Reads only the manifests, configs and the first bytes of the layer with the disk, so it is
/// fast for large images too. It does not check the layers (see verify). Of the file of a disk it
/// shows the operating system, too.
#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// The image: quay.io/me/fedora:42, a layout's directory, oci:DIR:TAG, or an archive; or the
    /// file of a disk
    #[arg(value_name = "IMAGE")]
    subject: DiskOrImage,

    /// Show this platform's image only, e.g. linux/arm64
    #[arg(long)]
    platform: Option<Platform>,

    /// Show the operating system and the number of packages of images, too; of a layer that can be
    /// read only from front to back, the disk is written to a file in $TMPDIR for it (see sbom)
    #[arg(long)]
    packages: bool,

    /// Output format
    #[arg(long = "output-format", alias = "format", value_name = "HOW", default_value = "text")]
    format: Format,

    #[command(flatten)]
    registry: RegistryArguments,
}

/// A value of `--output-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text
    Text,
    /// JSON
    Json,
}

/// An image, and overviews of its platforms.
struct InspectedImages {
    name: String,
    documents: ImageDocuments,
    /// What was seen of each image, with its number.
    images: Vec<(usize, SeenImage)>,
    /// What belongs to the image and to the images of its platforms.
    attachments: Vec<Attachment>,
}

/// What was seen of an image.
struct SeenImage {
    overview: ImageOverview,
    /// What is installed in its disk, if that was asked for.
    inventory: Option<Inventory>,
}

impl InspectedImages {
    fn images(&self) -> impl Iterator<Item = (&PlatformImage, &SeenImage)> {
        let images = self.images.iter();
        images.filter_map(|(number, seen)| Some((self.documents.images.get(*number)?, seen)))
    }

    /// Returns the number of index entries that are not images.
    fn attestations(&self) -> usize {
        self.documents.images.iter().filter(|image| image.is_attestation()).count()
    }
}

pub(crate) fn run(
    arguments: &InspectArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let location = match &arguments.subject {
        DiskOrImage::Image(location) => location,
        DiskOrImage::Disk(path) => return inspect_disk(path, arguments, ui),
    };
    let progress = ui.progress(ProgressMode::Plain)?;
    let uses = RegistryUse::default().reads_from(location);
    let registry = arguments.registry.registry(environment, progress.clone(), &uses)?;
    let subject = ImageSubject::find(location, &registry)?;
    let name = location.to_string();
    let mut attachments = Vec::new();
    let platform = arguments.platform.as_ref();
    for part in find_subjects(&*subject.images, &subject.root, platform, &name)? {
        attachments.extend(list_attachments(&*subject.images, &part)?);
    }
    let documents = read_documents(&*subject.images, subject.root)?;
    let chosen = arguments.platform.as_ref().map(|wanted| documents.choose_platform(wanted, &name));
    let chosen = chosen.transpose()?;
    let mut images = Vec::new();
    for (number, image) in documents.images.iter().enumerate() {
        let is_wanted = chosen.is_none_or(|chosen| chosen == number);
        if is_wanted && !image.is_attestation() {
            let overview = inspect_image(image, &*subject.images);
            let read = || read_installed(image, (&*subject.images, &name), environment, &*progress);
            let inventory = if arguments.packages { read()? } else { None };
            images.push((number, SeenImage { overview, inventory }));
        }
        if progress.is_cancelled() {
            return Err(CommandError::Interrupted);
        }
    }
    let seen = InspectedImages { name, documents, images, attachments };
    match arguments.format {
        Format::Text => ui.print_text(&text::image_text(&seen))?,
        Format::Json => ui.print_json(&json::image_json(&seen))?,
    }
    Ok(())
}

fn inspect_disk(path: &Path, arguments: &InspectArguments, ui: &Ui) -> Result<(), CommandError> {
    let name = path.display();
    if arguments.platform.is_some() {
        let message = format!("`{name}` is a disk, and has no platforms");
        return Err(CommandError::Usage(Diagnostic::new(message)));
    }
    let info = DiskFile::open(path).and_then(|disk| examine_disk_by_rules(&disk));
    let info = info.map_err(cannot("read", &name))?;
    // Many disks have no system; `sbom` says why none is found.
    let inventory = read_file_inventory(path, None).ok().map(|read| read.inventory);
    let (name, inventory) = (name.to_string(), inventory.as_ref());
    match arguments.format {
        Format::Text => ui.print_text(&text::disk_text(&name, &info, inventory))?,
        Format::Json => ui.print_json(&json::disk_json(&name, &info, inventory))?,
    }
    Ok(())
}

/// Reads what is installed in the disk of an image. An artifact with several disks has no system of its own.
fn read_installed(
    image: &PlatformImage,
    from: (&dyn Images, &str),
    environment: &Environment,
    progress: &dyn Progress,
) -> Result<Option<Inventory>, CommandError> {
    if artifact_kind(image).is_some() && image.layers.len() != 1 {
        return Ok(None);
    }
    let spool = Spool::open(&environment.temporary)?;
    let read = read_image_inventory(image, from, None, Some(&spool), progress)?;
    Ok(read.map(|read| read.inventory))
}

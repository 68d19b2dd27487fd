//! `diskette tag`.

use clap::Args;
use diskette_builder::oci::image::location::{ImageLocation, LocalImage, StoreKind};
use diskette_builder::oci::image::tag::{Tag, TagError};
use diskette_builder::oci::store::LayoutNames;
use diskette_builder::recipe::diagnostic::Diagnostic;

use crate::arguments::credentials::RegistryUse;
use crate::arguments::image_name::parse_source;
use crate::arguments::registry::RegistryArguments;
use crate::environment::Environment;
use crate::error::{CommandError, cannot, image_not_found, storage_error};
use crate::files::open_dir;
use crate::images::beside::archive_error;
use crate::images::subject::ImageSubject;
use crate::ui::Ui;
use crate::ui::progress::ProgressMode;

/// Add tags to an image in a registry or a layout.
///
/// In a registry, the tag is set in the repository of the image, and nothing is copied. A tag of
/// another image is moved to this one.
#[derive(Debug, Args)]
pub(crate) struct TagArguments {
    /// The image: quay.io/me/fedora:42, or oci:DIR:TAG
    #[arg(value_name = "IMAGE", value_parser = parse_source)]
    image: ImageLocation,

    /// The new tag, e.g. latest; a name in another repository needs `copy`
    #[arg(value_name = "TAG", required = true)]
    tags: Vec<String>,

    /// Print the digest of the image, and set no tag
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    registry: RegistryArguments,
}

pub(crate) fn run(
    arguments: &TagArguments,
    environment: &Environment,
    ui: &Ui,
) -> Result<(), CommandError> {
    let progress = ui.progress(ProgressMode::Plain)?;
    let uses = RegistryUse::default().reads_from(&arguments.image).writes_to(&arguments.image);
    let registry = arguments.registry.registry(environment, progress, &uses)?;
    let tags = arguments.tags()?;
    let root = ImageSubject::find(&arguments.image, &registry)?.root;
    match &arguments.image {
        ImageLocation::Registry(name) => {
            for tag in tags.iter().filter(|_| !arguments.dry_run) {
                registry.add_tag(&root, &name.with_tag(tag.clone())).map_err(storage_error)?;
            }
        }
        ImageLocation::Local(local) if local.store != StoreKind::Layout => {
            return Err(archive_error("tagged"));
        }
        ImageLocation::Local(LocalImage { path, name: wanted, .. }) => {
            let dir = open_dir(path).map_err(cannot("open the layout", path.display()))?;
            let layout = LayoutNames::open(dir, &path.display().to_string())?;
            let wanted = wanted.clone().unwrap_or_else(|| root.digest.to_string());
            for tag in tags.iter().filter(|_| !arguments.dry_run) {
                if !layout.add_tag(&wanted, tag)? {
                    return Err(image_not_found(&arguments.image.to_string()));
                }
            }
        }
    }
    Ok(ui.print_result(format!("{}\n", root.digest).as_bytes())?)
}

impl TagArguments {
    /// Returns the new tags.
    fn tags(&self) -> Result<Vec<Tag>, CommandError> {
        let parse = |tag: &String| {
            tag.parse().map_err(|error: TagError| {
                let help = "write the tag alone, e.g. `latest`; `diskette copy` copies an image to \
                            another repository";
                CommandError::Usage(Diagnostic::new(error.to_string()).help(help))
            })
        };
        self.tags.iter().map(parse).collect()
    }
}
